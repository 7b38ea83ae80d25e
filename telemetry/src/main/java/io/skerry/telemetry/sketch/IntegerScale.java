package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.IntegerTensor;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * How the integers of an int8 tensor stand for reals: {@code real = (integer - zeroPoint) x scale}.
 * Everything that is told of such a tensor, and every rule for it, is in reals.
 *
 * @param scale above 0
 * @param zeroPoint -128 to 127
 */
public record IntegerScale(float scale, int zeroPoint) {
  /** The real that an integer stands for. */
  public float real(byte integer) {
    return (integer - zeroPoint) * scale;
  }

  /** The integer that stands for the nearest real; NaN counts as 0. */
  public byte integer(double real) {
    // No integer is further than 255 from a zero point; the sum of more could overflow.
    int fromZero = Math.clamp(Math.round(real / scale), -256, 256);
    return (byte) Math.clamp(fromZero + zeroPoint, Byte.MIN_VALUE, Byte.MAX_VALUE);
  }

  /**
   * The scale of a tensor.
   *
   * @param field {@code input:TENSOR} or {@code output:TENSOR}
   * @return empty when it is no int8
   */
  public static Optional<IntegerScale> of(MonitoringManifest manifest, String field) {
    return manifest.getIntegersList().stream()
        .filter(tensor -> tensor.getField().equals(field))
        .findFirst()
        .map(tensor -> new IntegerScale(tensor.getScale(), tensor.getZeroPoint()));
  }

  static void check(MonitoringManifest manifest) throws MalformedDocumentException {
    Set<String> fields = new HashSet<>();
    for (IntegerTensor tensor : manifest.getIntegersList()) {
      boolean named =
          tensor.getField().startsWith("input:") || tensor.getField().startsWith("output:");
      if (!named
          || !fields.add(tensor.getField())
          || !(tensor.getScale() > 0 && tensor.getScale() < Float.POSITIVE_INFINITY)
          || tensor.getZeroPoint() < Byte.MIN_VALUE
          || tensor.getZeroPoint() > Byte.MAX_VALUE) {
        throw new MalformedDocumentException(
            "monitoring manifest: '%s' cannot be int8 of scale %s from %d"
                .formatted(tensor.getField(), tensor.getScale(), tensor.getZeroPoint()));
      }
    }
  }
}
