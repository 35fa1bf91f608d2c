// SPDX-License-Identifier: Apache-2.0

#if GORI_CANARIES
    /// Bugs on purpose, of the kind that rings invite, so that the simulation can show that it finds them. Compiled in
    /// by `-Xswiftc -DGORI_CANARIES` and never otherwise; one at most is alive.
    @_spi(Measuring)
    public enum Canary: String {
        /// A stream's slot is free one completion early: while a receive of it is in flight.
        case slot
        /// The memory of a refused silent send is given back at the first other completion.
        case memory
        /// A worker goes to sleep without looking at its mailboxes once more.
        case doorbell

        nonisolated(unsafe) private static var planted: Canary?

        /// Brings one to life, before any thread runs. Returns whether there is such a one.
        public static func plant(_ name: String) -> Bool {
            planted = Canary(rawValue: name)
            return planted != nil
        }

        /// Whether this one is alive.
        public static func sings(_ canary: Canary) -> Bool { planted == canary }
    }
#endif
