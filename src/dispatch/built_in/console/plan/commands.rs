//! `lava_command_run`: commands in one shell, whose output may be read by a pattern.

use super::parameters::Parameters;
use crate::dispatch::action::JobError;
use crate::dispatch::built_in::console::testdef::ResultPattern;

/// How often the commands may be gone through.
const MOST_ITERATIONS: u64 = 10_000;

#[derive(Debug)]
pub struct CommandRun {
    pub commands: Vec<String>,
    pub pattern: Option<ResultPattern>,
    pub iterations: u32,
}

impl CommandRun {
    pub fn read(parameters: &mut Parameters<'_>) -> Result<Self, JobError> {
        let commands = parameters.texts("commands")?;
        if commands.is_empty() {
            return Err(JobError::new(
                parameters.at("commands"),
                "must name at least one command to run",
            ));
        }
        let replacements = parameters.replacements("fixupdict")?;
        let pattern = parameters
            .text("parser")?
            .map(|pattern| {
                ResultPattern::new(&pattern, replacements)
                    .map_err(|why| JobError::new(parameters.at("parser"), why))
            })
            .transpose()?;
        let iterations = parameters.count("iterations", MOST_ITERATIONS)?;
        Ok(Self {
            commands,
            pattern,
            iterations: iterations.unwrap_or(1) as u32,
        })
    }
}
