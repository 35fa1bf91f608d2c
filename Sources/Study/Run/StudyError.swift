// SPDX-License-Identifier: Apache-2.0

/// Why a comparison, or the whole run, ends before its time.
enum StudyError: Error {
    /// Something of one comparison went wrong; others go on.
    case failed(String)
    /// Somebody wants the report of what there is.
    case interrupted
}
