package io.skerry.packager;

import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Int8Rules;
import io.skerry.profile.Precision;
import java.util.Optional;

/**
 * How a model file is made. Two candidates of the same recipe are the same file, whatever the
 * profile.
 *
 * @param scheme absent for float files
 */
record Recipe(Candidate candidate, Optional<Scheme> scheme) {
  static final Recipe ONNX_FLOAT =
      new Recipe(new Candidate(Engine.ONNXRUNTIME, Precision.FP32), Optional.empty());

  static Recipe of(HardwareProfile profile, Candidate candidate) {
    if (candidate.precision() == Precision.FP32) {
      return new Recipe(candidate, Optional.empty());
    }
    if (candidate.engine() == Engine.TFLITE) {
      return new Recipe(candidate, Optional.of(Scheme.SIGNED));
    }
    IntegerType activations =
        profile.int8().activation() == Int8Rules.Activation.UINT8
            ? IntegerType.UINT8
            : IntegerType.INT8;
    return new Recipe(
        candidate,
        Optional.of(new Scheme(activations, false, profile.int8().reducedWeightRange(), false)));
  }
}
