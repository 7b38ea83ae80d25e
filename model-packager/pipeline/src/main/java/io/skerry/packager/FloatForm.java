package io.skerry.packager;

import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.measure.Outputs;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Our own form of a float model: what all others are compared with. */
final class FloatForm {
  /** What numbers about 1, of which a small output may be the difference, are off by at most. */
  private static final double LEAST = 1e-6;

  /** Of a small output's magnitude. */
  private static final double SHARE_MAX = 0.1;

  private FloatForm() {}

  /**
   * Sees that it says what the model itself says, in every output that is read.
   *
   * @param file that the model came in
   * @throws ModelRefusedException if it does not, or cannot be made
   * @throws DataRefusedException if the model says no numbers where it is judged
   */
  static void check(Path file, LoadedModel original, Source source, Forms forms, Samples evaluation)
      throws IOException, EngineException {
    Forms.Form form = forms.form(source.reference());
    if (form.failure().isPresent()) {
      throw new ModelRefusedException("%s: %s".formatted(file, form.failure().orElseThrow()));
    }
    Outputs judged = form.evaluation().orElseThrow();
    List<String> names = Stream.concat(forms.judged().stream(), forms.unjudged().stream()).toList();
    List<Outputs> theirs = parts(forms.judged(original), forms.unjudged(original));
    List<Outputs> ours = parts(judged, form.unjudged());
    for (int i = 0; i < judged.parts().size(); i++) {
      int item = theirs.get(i).firstNotFinite();
      if (item >= 0) {
        throw new DataRefusedException(
            "%s: tensor '%s' is not finite on item %d: check the unit of the data, or train the model again"
                .formatted(evaluation.source(), names.get(i), item));
      }
    }
    for (int i = 0; i < names.size(); i++) {
      double difference = ours.get(i).largestDifference(theirs.get(i));
      if (!(difference <= most(source.formTolerance(), theirs.get(i).largestMagnitude()))) {
        throw new ModelRefusedException(
            "%s: imported, the model's output '%s' differs by %s: report this model"
                .formatted(file, names.get(i), difference));
      }
    }
  }

  private static List<Outputs> parts(Outputs judged, Optional<Outputs> unjudged) {
    return Stream.concat(
            judged.parts().stream(), unjudged.stream().flatMap(o -> o.parts().stream()))
        .toList();
  }

  /** By how much an output of this magnitude may differ. */
  private static double most(double tolerance, double magnitude) {
    return Math.min(tolerance * Math.max(1, magnitude), Math.max(LEAST, SHARE_MAX * magnitude));
  }
}
