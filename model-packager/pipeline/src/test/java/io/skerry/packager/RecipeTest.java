package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Precision;
import io.skerry.profile.ProfileCatalog;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RecipeTest {
  /** What ONNX Runtime computes fast and right differs from chip to chip. */
  @Test
  void givesEachChipTheIntegersThatItWants() {
    Map<String, Scheme> wanted =
        Map.of(
            "x86-64-vnni", Scheme.UNSIGNED,
            "x86-64-avx2", Scheme.UNSIGNED_SATURATING,
            "arm64-neon", Scheme.SIGNED,
            "arm64-dotprod", Scheme.SIGNED,
            "nvidia-cuda", Scheme.SYMMETRIC,
            "nvidia-tensorrt", Scheme.SYMMETRIC,
            "intel-openvino", Scheme.UNSIGNED_SATURATING,
            "qualcomm-qnn", Scheme.UNSIGNED);

    assertThat(ProfileCatalog.builtIn().profiles())
        .extracting(HardwareProfile::id)
        .containsExactlyInAnyOrderElementsOf(wanted.keySet());
    for (HardwareProfile profile : ProfileCatalog.builtIn().profiles()) {
      assertThat(Recipe.of(profile, new Candidate(Engine.ONNXRUNTIME, Precision.INT8)).scheme())
          .as(profile.id())
          .hasValue(wanted.get(profile.id()));
      assertThat(Recipe.of(profile, new Candidate(Engine.TFLITE, Precision.INT8)).scheme())
          .as(profile.id())
          .hasValue(Scheme.SIGNED);
      assertThat(Recipe.of(profile, new Candidate(Engine.TFLITE, Precision.FP32)).scheme())
          .isEmpty();
    }
  }
}
