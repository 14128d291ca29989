//! The pages of all causes.

/// The page of a cause, by its code.
pub fn check_doc(code: &str) -> Option<&'static str> {
    crate::doctor::page(code).or_else(|| crate::bind::page(code))
}

#[cfg(test)]
mod tests {
    use super::check_doc;

    #[test]
    fn a_code_leads_to_its_page() {
        assert!(check_doc("no-listener").is_some_and(|page| page.contains("## Fix")));
        assert!(check_doc("time-wait").is_some_and(|page| page.contains("## Fix")));
        assert_eq!(check_doc("no-such-code"), None);
    }
}
