/// Placeholder of the floor `World`, replaced as it is built.
