//! The programs of simulated images, and the shell that runs in containers and on nodes.
