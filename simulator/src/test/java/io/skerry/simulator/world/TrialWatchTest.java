package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotMode;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What must be seen of a trial that no agent of today does wrong. */
class TrialWatchTest {
  private static final SlotMode.Trial THIRD = new SlotMode.Trial(RolloutShell.SLOT, .3);

  private final Watch watch = new Fleet(new World(1, new Trace(0)), Settings.light(1)).watch();
  private final TrialWatch trials = watch.trials();

  @Test
  void aTrialThatAnswersItsShareIsNoBreak() {
    asked(new SlotMode.Ab(THIRD), 1000, 3);

    assertThat(breaks()).isEmpty();
    assertThat(trials.share(2)).isEqualTo(.3);
  }

  @Test
  void aTrialThatAnswersMoreThanItsShareIsSeen() {
    asked(new SlotMode.Ab(THIRD), 1000, 5);

    assertThat(breaks())
        .containsExactly("pump-health@2 answered 500 of 1000 predictions, its share is 0.3");
  }

  @Test
  void aKeyThatChangesSidesIsSeen() {
    trials.answered(0, "machine-1", trial(new SlotMode.Ab(THIRD)), true);
    trials.answered(0, "machine-1", trial(new SlotMode.Ab(THIRD)), false);

    assertThat(breaks())
        .containsExactly("key 'machine-1' was answered by pump-health@2 and not by it");
  }

  @Test
  void aShadowThatAnswersIsSeen() {
    trials.answered(0, "", trial(new SlotMode.Shadow(THIRD)), true);

    assertThat(breaks()).containsExactly("pump-health@2 answered, and was only to shadow");
    assertThat(trials.answeredByShadows()).isEqualTo(1);
  }

  private void asked(SlotMode mode, int predictions, int ofTen) {
    for (int i = 0; i < predictions; i++) {
      trials.answered(0, "", trial(mode), i % 10 < ofTen);
    }
  }

  private static TrialWatch.Trial trial(SlotMode mode) {
    return new TrialWatch.Trial(new ModelVersion(Releases.MODEL, 2), mode);
  }

  private List<String> breaks() {
    trials.check();
    return watch.breaks().stream().map(Watch.Break::what).toList();
  }
}
