package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class DivergenceTest {
  private static final Outputs SURE =
      Outputs.of(3, 0.999998f, 1e-6f, 1e-6f, 1e-6f, 0.999998f, 1e-6f);

  /** Otherwise what became of a small output would not show beside a large one. */
  @Test
  void isTheMeanOfWhatItIsOfEachOutput() {
    Outputs reference = Outputs.of(List.of(1, 1), 1000, .01f, 2000, .02f);
    Outputs said = Outputs.of(List.of(1, 1), 1000, .02f, 2000, .01f);

    double both = Divergence.from(reference).of(said);

    assertThat(both).isCloseTo(0.2, within(1e-6));
    assertThat(Divergence.from(reference).chosen(0).of(said.chosen(0))).isCloseTo(.5, within(1e-6));
    assertThat(
            Divergence.from(Outputs.of(2, 1000, .01f, 2000, .02f))
                .of(Outputs.of(2, 1000, .02f, 2000, .01f)))
        .isLessThan(1e-9);
  }

  @Test
  void isNothingFromTheSameAndMoreFromWhatIsFurther() {
    Divergence divergence = Divergence.from(SURE);

    assertThat(divergence.of(SURE)).isEqualTo(0, within(1e-12));
    double near = divergence.of(Outputs.of(3, 0.999997f, 2e-6f, 1e-6f, 1e-6f, 0.999998f, 1e-6f));
    double far = divergence.of(Outputs.of(3, 0.99998f, 2e-5f, 1e-6f, 1e-6f, 0.999998f, 1e-6f));
    assertThat(near).isPositive();
    assertThat(far).isGreaterThan(near * 4);
  }

  @Test
  void seesNoiseInItemsThatAreSure() {
    Outputs noisy = Outputs.of(3, 0.9999979f, 2e-6f, 1e-7f, 1e-6f, 0.999998f, 1e-6f);

    assertThat(noisy.signalToNoise(SURE)).as("share of noise in the outputs").isGreaterThan(110);
    assertThat(Divergence.from(SURE).of(noisy)).isGreaterThan(1e-3);
  }

  @Test
  void isTheShareOfNoiseWhereOutputsAreNoProbabilities() {
    Outputs reference = Outputs.of(1, 3, -4);

    assertThat(Divergence.from(reference).of(Outputs.of(1, 3, -4.5f)))
        .isCloseTo(0.25 / 25, within(1e-9));
  }
}
