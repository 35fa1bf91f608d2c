/// Placeholder of the floor `WorldServer`, replaced as it is built.
