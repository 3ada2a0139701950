//! The static-site generator: load, views, render, write, serve.
