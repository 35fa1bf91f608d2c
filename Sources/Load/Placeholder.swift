/// Placeholder of the floor `Load`, replaced as it is built.
