const LABEL: &str = match option_env!("LABEL") {
    Some(text) => text,
    None => "note",
};
const ABOUT: &str = match option_env!("ABOUT") {
    Some(text) => text,
    None => "nothing",
};
pub static FACTS: [(&str, &str); 2] = [("version", "1.1"), (LABEL, ABOUT)];
