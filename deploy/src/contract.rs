//! The promises of the ports, as suites.
