(* Wraps lines at a width. *)
let width = try int_of_string Sys.argv.(1) with _ -> 72

let wrap line =
  let place column word =
    let size = String.length word in
    if column > 0 && column + 1 + size > width then (print_newline (); print_string word; size)
    else (if column > 0 then print_char ' '; print_string word; column + size + if column > 0 then 1 else 0)
  in
  ignore (List.fold_left place 0 (String.split_on_char ' ' line));
  print_newline ()

let () = try while true do wrap (input_line stdin) done with End_of_file -> ()
