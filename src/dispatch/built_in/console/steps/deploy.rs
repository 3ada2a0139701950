//! Fetching the images of a job, and the judgement of those that the board cannot take.

use std::path::PathBuf;

use super::Steps;
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::images::{Image, same_content};
use crate::dispatch::built_in::console::plan::Deploy;
use crate::dispatch::built_in::log::say;

impl Steps<'_> {
    /// The images take the place of those of an earlier deploy.
    pub(super) fn deploy(&mut self, deploy: &Deploy) -> Result<(), Halt> {
        self.images.clear();
        self.login.clone_from(&deploy.login);
        for (name, image) in &deploy.images {
            let path = image.get(&self.board.cache, self.bell)?;
            say(&format!("{name}: {}", path.display()));
            self.images.insert(name.clone(), path);
        }
        for (name, image) in &deploy.own {
            let own = self.image_of_board(name)?;
            let path = image.get(&self.board.cache, self.bell)?;
            if !same_content(&path, &own)? {
                return Err(Halt::Job(format!(
                    "this board boots only its own {name}: its console's command has no \
                     `{{{name}}}`, and the job names another {name}"
                )));
            }
            say(&format!("{name}: the board's own"));
        }
        Ok(())
    }

    /// One of the images that the board's file names.
    pub(super) fn image_of_board(&self, name: &str) -> Result<PathBuf, Halt> {
        let text = self.board.images.get(name).ok_or_else(|| {
            Halt::Job(format!(
                "the console's command wants `{{{name}}}`, but neither the job nor \
                 `console.images` names a {name}"
            ))
        })?;
        let image = Image::of_board(name, text).map_err(Halt::Config)?;
        image
            .get(&self.board.cache, self.bell)
            .map_err(|halt| match halt {
                // The lab's mistake, not the job's.
                Halt::Job(why) => Halt::Config(why),
                halt => halt,
            })
    }

    /// The console's program with every placeholder of its arguments filled in.
    pub(super) fn command(&self) -> Result<Vec<String>, Halt> {
        let mut command = self.board.command.clone();
        for argument in command.iter_mut().skip(1) {
            for name in placeholders(argument) {
                let path = match self.images.get(&name) {
                    Some(path) => path.clone(),
                    None => self.image_of_board(&name)?,
                };
                let path = path.to_str().ok_or_else(|| {
                    Halt::Infrastructure(format!("the path of {name} is not UTF-8"))
                })?;
                *argument = argument.replace(&format!("{{{name}}}"), path);
            }
        }
        Ok(command)
    }
}

/// The names in braces, such as `kernel` in `-kernel={kernel}`.
fn placeholders(argument: &str) -> Vec<String> {
    let is_name = |name: &&str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    argument
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_placeholders_and_nothing_else() {
        assert_eq!(placeholders("initrd={ramdisk}"), ["ramdisk"]);
        assert_eq!(placeholders("{a},{b_2}"), ["a", "b_2"]);
        assert_eq!(placeholders("{}{ x }{json: 1}{open"), [""; 0]);
    }
}
