package io.skerry.packager;

import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Int8Rules;
import io.skerry.profile.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How a model file is made. Two candidates of the same recipe are the same file, whatever the
 * profile.
 *
 * @param scheme absent for files that are not quantized statically
 * @param options absent until they are chosen
 */
record Recipe(Candidate candidate, Optional<Scheme> scheme, Optional<Options> options) {
  static final Recipe ONNX_FLOAT =
      new Recipe(
          new Candidate(Engine.ONNXRUNTIME, Precision.FP32), Optional.empty(), Optional.empty());

  static Recipe of(HardwareProfile profile, Candidate candidate) {
    if (candidate.precision() != Precision.INT8) {
      return new Recipe(candidate, Optional.empty(), Optional.empty());
    }
    return new Recipe(
        candidate,
        Optional.of(candidate.engine() == Engine.TFLITE ? Scheme.SIGNED : scheme(profile.int8())),
        Optional.empty());
  }

  private static Scheme scheme(Int8Rules rules) {
    IntegerType activations =
        rules.activation() == Int8Rules.Activation.UINT8 ? IntegerType.UINT8 : IntegerType.INT8;
    return new Scheme(
        activations, rules.symmetric(), rules.reducedWeightRange(), rules.perTensorWeights());
  }

  Recipe with(Options chosen) {
    return new Recipe(candidate, scheme, Optional.of(chosen));
  }

  /** What sets it apart from others of its candidate, for people. */
  List<String> texts() {
    List<String> texts = new ArrayList<>();
    scheme.ifPresent(s -> texts.addAll(s.texts()));
    options.ifPresent(o -> texts.addAll(o.texts()));
    return texts;
  }
}
