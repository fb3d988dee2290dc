//! Fakes of the three ports, with scripted faults.
