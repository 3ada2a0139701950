//! `boot` and `boot_linaro_image`.

use serde_json::Value;

use super::parameters::Parameters;
use crate::dispatch::action::JobError;
use crate::dispatch::built_in::console::board::ConsoleBoard;
use crate::model::pattern::Patterns;

/// What a job changes of the board's own way to boot.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Boot {
    pub prompt: Option<String>,
    /// Answered after the board's own list: a pattern and the line to send.
    pub answers: Vec<[String; 2]>,
    /// Stops the boot loader in place of the board's own pattern.
    pub interrupt: Option<String>,
    /// Typed at the boot loader's prompt.
    pub commands: Vec<String>,
}

impl Boot {
    /// The parameters are called as the keys of a board's `console`.
    pub fn of_board_keys(parameters: &mut Parameters<'_>) -> Result<Self, JobError> {
        let mut boot = Self {
            prompt: pattern(parameters, "prompt")?,
            ..Self::default()
        };
        for (i, pair) in parameters.list("boot")?.iter().enumerate() {
            let place = format!("{}[{i}]", parameters.at("boot"));
            let answer = pair
                .as_array()
                .and_then(|pair| match pair.as_slice() {
                    [Value::String(pattern), Value::String(line)] => {
                        Some([pattern.clone(), line.clone()])
                    }
                    _ => None,
                })
                .ok_or_else(|| {
                    JobError::new(&place, "must be a pair: [regular expression, line]")
                })?;
            judge(&place, &answer[0])?;
            boot.answers.push(answer);
        }
        Ok(boot)
    }

    /// Whether it changes anything.
    pub fn is_own(&self) -> bool {
        *self != Self::default()
    }

    pub fn of_v1(parameters: &mut Parameters<'_>, board: &ConsoleBoard) -> Result<Self, JobError> {
        let prompt = pattern(parameters, "test_image_prompt")?;
        if board.bootloader.is_none() {
            // Such as the kernel's command line, which the board's own command gives.
            return Ok(Self {
                prompt,
                ..Self::default()
            });
        }
        Ok(Self {
            prompt,
            answers: Vec::new(),
            interrupt: pattern(parameters, "interrupt_boot_prompt")?,
            commands: parameters.texts("boot_cmds")?,
        })
    }
}

pub(super) fn pattern(
    parameters: &mut Parameters<'_>,
    key: &str,
) -> Result<Option<String>, JobError> {
    let text = parameters.text(key)?;
    if let Some(text) = &text {
        judge(&parameters.at(key), text)?;
    }
    Ok(text)
}

fn judge(place: &str, pattern: &str) -> Result<(), JobError> {
    Patterns::new(&[pattern])
        .map(drop)
        .map_err(|error| JobError::new(place, error.to_string()))
}
