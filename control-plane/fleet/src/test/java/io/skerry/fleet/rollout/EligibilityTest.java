package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.rollout.Eligibility.Eligible;
import io.skerry.fleet.rollout.Eligibility.NotEligible;
import io.skerry.protocol.ProfileId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class EligibilityTest {
  private static final ProfileId X86 = new ProfileId("x86-64-avx2");
  private static final ProfileId ARM = new ProfileId("arm64-neon");
  private static final Eligibility.Needs NEEDS =
      new Eligibility.Needs(
          Map.of(X86, Set.of("onnxruntime"), ARM, Set.of("onnxruntime", "tflite")));

  @Test
  void isThatOfTheProfileThatADeviceHas() {
    assertThat(of(X86, "onnxruntime/cpu")).isEqualTo(new Eligible(X86));
    assertThat(of(ARM, "tflite/xnnpack", "onnxruntime/cpu")).isEqualTo(new Eligible(ARM));
  }

  @Test
  void isGivenToADeviceThatSaysNothingOfEngines() {
    assertThat(of(ARM)).isEqualTo(new Eligible(ARM));
  }

  @Test
  void namesTheEngineThatADeviceLacks() {
    assertThat(of(ARM, "onnxruntime/cpu", "tflite-micro/cpu"))
        .isEqualTo(
            new NotEligible("it has no engine 'tflite', which the variant for arm64-neon needs"));
  }

  @Test
  void namesTheProfileThatTheVersionIsNotPackagedFor() {
    assertThat(of(new ProfileId("rpi5"), "onnxruntime/cpu"))
        .isEqualTo(new NotEligible("the rollout brings no variant for profile rpi5"));
  }

  @Test
  void isNotGivenToHardwareThatMatchesNoProfile() {
    assertThat(
            Eligibility.of(
                new Eligibility.Device(Optional.empty(), List.of("onnxruntime/cpu")), NEEDS))
        .isEqualTo(new NotEligible("its hardware matches no profile"));
  }

  private static Eligibility of(ProfileId profile, String... engines) {
    return Eligibility.of(new Eligibility.Device(Optional.of(profile), List.of(engines)), NEEDS);
  }
}
