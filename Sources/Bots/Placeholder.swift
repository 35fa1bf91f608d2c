/// Placeholder of the floor `Bots`, replaced as it is built.
