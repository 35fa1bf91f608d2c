/// Placeholder of the floor `Gori`, replaced as it is built.
