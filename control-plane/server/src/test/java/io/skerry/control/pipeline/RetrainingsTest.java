package io.skerry.control.pipeline;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.dataset.CollectedWindow;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RetrainingsTest {
  @Test
  void ofSeveralClassesTwoHaveToBeToldByTwoDevices() {
    assertThatThrownBy(
            () -> Retrainings.checkEnough("site=b", found(new int[] {2, 2}, new int[] {2, 1}), 3))
        .hasMessage(
            "site=b has too little feedback to learn from yet: 1 of 3 classes were told on 2"
                + " devices or more, at least 2 classes are needed: one device to learn, one to"
                + " judge; try again later");
    // Class 1 is no more than another.
    assertThatCode(
            () -> Retrainings.checkEnough("site=b", found(new int[] {0, 2}, new int[] {2, 0}), 3))
        .doesNotThrowAnyException();
  }

  @Test
  void ofTwoClassesThePositiveOneHasToBeToldByTwoDevices() {
    assertThatThrownBy(
            () -> Retrainings.checkEnough("site=b", found(new int[] {0, 1}, new int[] {0, 0}), 2))
        .hasMessageContaining("outcome 1 was told on 1 devices, at least 2 are needed");
    assertThatThrownBy(
            () -> Retrainings.checkEnough("site=b", new CollectedSamples.Found(List.of(), 7, 0), 2))
        .hasMessageContaining(
            "0 windows with outcomes, at least 40 are needed; 7 outcomes that are none of its 2"
                + " classes were left out");
  }

  private static CollectedSamples.Found found(int[]... devices) {
    List<CollectedWindow> windows = new ArrayList<>();
    for (int device = 0; device < devices.length; device++) {
      for (int i = 0; i < Retrainings.COHORT_WINDOWS_MIN; i++) {
        int[] labels = devices[device];
        windows.add(
            new CollectedWindow(
                new CollectedWindow.Origin(new TenantId("default"), "engine", Instant.EPOCH),
                new DeviceId("cam-" + device),
                "p" + i,
                labels[i % labels.length],
                true,
                new float[1]));
      }
    }
    return new CollectedSamples.Found(windows, 0, 0);
  }
}
