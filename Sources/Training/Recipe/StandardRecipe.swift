import Datasets
import Engine
import Networks
import SIREN

/// The recipe for a corpus where none is named.
package struct StandardRecipe: Sendable, Equatable {
    /// The name of an embedded recipe.
    package let name: String
    /// Why it was chosen, in words.
    package let reason: String

    /// Chooses by the family of the networks, by what they draw, and by their classes and numbers.
    /// - Parameter hasProbePictures: whether pictures are given to run CNNs on.
    /// - Throws: where the data has nothing to learn from.
    package init(for corpus: Corpus, hasProbePictures: Bool = false) throws(RecipeError) {
        let description = corpus.description
        let isLabelled = corpus.labels.contains { $0 >= 0 }
        let hasTargets = !description.targets.isEmpty || corpus.column("test_accuracy") != nil
        guard description.family == .inr else {
            guard isLabelled || hasTargets else {
                throw RecipeError(
                    "the data has CNNs without classes and without numbers to predict; give them to 'import' in its table, or name the column: 'train cnn-hnp --set objective.targets=[\"…\"]' (the data has \(corpus.columnNames))"
                )
            }
            if hasTargets, hasProbePictures {
                self.init("cnn-probe", "CNNs with numbers to predict, and pictures to run them on")
                return
            }
            self.init("cnn-hnp", hasTargets ? "CNNs with numbers to predict" : "CNNs with classes")
            return
        }
        let spec = corpus.mainGroup?.spec
        let isPlanar = description.notation.activation == .sine && spec?.inputs == 2
        let draws = isPlanar && description.image != nil && description.image?.channels == spec?.outputs
        if hasTargets {
            self.init("nfn-hnp", "INRs with numbers to predict")
        } else if isLabelled, draws {
            self.init("probe-conv", "SIRENs that draw pictures, with classes; inr-encoder learns latents too")
        } else if isLabelled, isPlanar {
            self.init(
                "probe",
                "SIRENs of 2 inputs with classes; with the size of their pictures, import --image HxWxC, it is probe-conv"
            )
        } else if isLabelled {
            self.init("nfn-hnp", "INRs with classes that draw no pictures")
        } else if draws {
            self.init("inr2array", "SIRENs that draw pictures, without classes: their latents are learned")
        } else {
            throw RecipeError(
                "the data has no classes, no numbers to predict and no extents of pictures (metadata 'image'), so there is nothing to learn from; give labels or numbers to 'import' in its table"
            )
        }
    }

    private init(_ name: String, _ reason: String) {
        self.name = name
        self.reason = reason
    }
}
