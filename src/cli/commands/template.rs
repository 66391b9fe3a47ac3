//! Pages of reports: a template with slots, and text that stays text.

/// The template with each `{{slot}}` filled, whatever the texts hold.
pub(super) fn filled(template: &str, slots: &[(&str, String)]) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("slots of the template are closed");
        let slot = slots.iter().find(|(slot, _)| *slot == name);
        page += &slot.expect("the template has our slots only").1;
        page += rest;
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_once_whatever_they_hold() {
        let slots = [("a", "{{b}}".to_owned()), ("b", "2".to_owned())];
        assert_eq!(filled("<{{a}}|{{b}}|{{a}}>", &slots), "<{{b}}|2|{{b}}>");
    }
}
