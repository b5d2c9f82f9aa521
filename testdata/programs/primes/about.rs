pub const LABEL: &str = match option_env!("LABEL") {
    Some(text) => text,
    None => "note",
};
pub const ABOUT: &str = match option_env!("ABOUT") {
    Some(text) => text,
    None => "nothing",
};
