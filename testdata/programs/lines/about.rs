pub fn text() -> &'static str {
    option_env!("ABOUT").unwrap_or("nothing")
}
