// SPDX-License-Identifier: Apache-2.0

import Testing

/// The rules of the house that a machine can check, each on the whole tree.
@Suite("Tidy")
struct TidyTests {
    @Test("There is a tree to check") func treeIsFound() {
        #expect(Tree.sources.count > 5, "no sources under \(Tree.rootPath): is the checkout complete?")
    }

    @Test("Files of Sources have at most 400 lines") func fileLength() {
        expectNone(Tree.sources.flatMap(FormRules.tooLong))
    }

    @Test("Lines of Sources have at most 120 columns") func lineLength() {
        expectNone(Tree.sources.flatMap(FormRules.tooWide))
    }

    @Test("Functions have at most 60 lines") func functionLength() {
        expectNone(Tree.sources.flatMap(FormRules.longFunctions))
    }

    @Test("A file begins with what it is for") func filePurpose() {
        expectNone(Tree.sources.flatMap(FormRules.noPurpose))
    }

    @Test("A floor imports only floors below it") func floorImports() {
        expectNone(Tree.sources.flatMap(FloorRules.upwardImports))
    }

    @Test("The engine depends on liburing alone") func engineImports() {
        expectNone(Tree.sources.flatMap(FloorRules.foreignImports))
    }

    @Test("No type bears the name of its module") func typeNames() {
        expectNone(Tree.sources.flatMap(FloorRules.namesake))
    }

    @Test("The top level holds nothing else") func topLevel() {
        expectNone(FloorRules.strayAtTop(Tree.paths))
    }

    @Test("Nothing traps on purpose, no check is switched off") func traps() {
        expectNone(Tree.texts.flatMap(WordRules.trapping))
    }

    @Test("Hot files have no existentials") func existentials() {
        expectNone(Tree.sources.flatMap(WordRules.existentials))
    }

    @Test("Nothing copies a worker to call it") func copies() {
        expectNone(Tree.sources.flatMap(WordRules.copies))
    }

    @Test("There is one kind of lock") func locks() {
        expectNone(Tree.sources.flatMap(WordRules.locks))
    }

    @Test("The world depends on no order of a Set or Dictionary") func worldOrder() {
        expectNone(Tree.sources.flatMap(WordRules.disorder))
    }

    @Test("The world draws no luck that cannot be replayed") func worldChance() {
        expectNone(Tree.sources.flatMap(WordRules.chance))
    }

    @Test("Nothing names a path or a registry of one machine") func machinePaths() {
        expectNone(Tree.texts.flatMap(WordRules.oneMachine))
    }
}

/// One failure for each offence, so that each is a line of its own to go to.
private func expectNone(_ offences: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    for offence in offences { Issue.record("\(offence)", sourceLocation: sourceLocation) }
}
