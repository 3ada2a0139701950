//! Names that must not hide each other.

use std::collections::HashMap;

/// Gives `name #2` and so on to what comes again under a name.
#[derive(Default)]
pub struct Names(HashMap<String, u32>);

impl Names {
    /// How many names are told apart; the protocol's limit on results is below it.
    pub const MOST: usize = 25_000;

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a name and gives one that was not given before.
    pub fn distinct(&mut self, name: String) -> String {
        if self.0.len() >= Self::MOST {
            return name;
        }
        let mut given = name.clone();
        while self.0.contains_key(&given) {
            let times = self.0.entry(name.clone()).or_insert(1);
            *times += 1;
            given = format!("{name} #{times}");
        }
        self.0.insert(given.clone(), 1);
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        let given = ["a", "a #2", "a", "a", "a #2"].map(|name| names.distinct(name.into()));
        assert_eq!(given, ["a", "a #2", "a #3", "a #4", "a #2 #2"]);
    }

    #[test]
    fn one_name_many_times_costs_no_more_than_many_names() {
        let mut names = Names::default();
        for _ in 0..Names::MOST {
            names.distinct("a".into());
        }
        assert_eq!(names.0["a"] as usize, Names::MOST);
    }
}
