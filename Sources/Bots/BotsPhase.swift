// SPDX-License-Identifier: Apache-2.0

/// A part of a run that begins, for whoever measures the server meanwhile.
public enum BotsPhase: String, Sendable {
    /// `storm`: the first of the wave is due.
    case wave
    /// Everybody who came plays; what is measured is measured from now on.
    case playing
    /// No more moves: what is measured is measured until now.
    case played
}
