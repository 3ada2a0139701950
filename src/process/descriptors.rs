//! Keeps this process's own descriptors out of the processes it starts.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};
use std::sync::Once;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

/// Marks every descriptor above 2 that this process inherited as close-on-exec, once. Whatever is
/// opened later carries the mark from birth.
pub(super) fn seal() {
    static SEALED: Once = Once::new();
    SEALED.call_once(|| {
        // Descriptor 3 is given to children as the event pipe. If it were free here, the standard
        // library could use it for the pipe that reports a failed exec, and lose that report.
        if let Ok(null) = File::open("/dev/null")
            && null.as_raw_fd() <= 3
        {
            let _kept_open = null.into_raw_fd();
        }
        let Ok(open) = fs::read_dir("/proc/self/fd") else {
            return;
        };
        for entry in open.flatten() {
            let Some(number) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            if number > 2 {
                // SAFETY: the descriptor is only asked for and given a flag. Should another thread
                // close it in between, the calls fail, or they mark a newer descriptor, which
                // carries the mark already.
                let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
                if let Ok(flags) = fcntl_getfd(descriptor)
                    && !flags.contains(FdFlags::CLOEXEC)
                {
                    let _ = fcntl_setfd(descriptor, flags | FdFlags::CLOEXEC);
                }
            }
        }
    });
}
