package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.MachineStopped;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.simulator.disk.Stop;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The simulation's disk, and what a power cut leaves on it. */
class MemoryDiskOrderTest implements DiskOrderContract {
  private static final Path FOLDER = Path.of("/device");

  private final MemoryDisk disk = new MemoryDisk();
  private final RecordingDisk recording = new RecordingDisk(disk, FOLDER);

  @Override
  public List<String> asked(DiskAct act) throws IOException {
    disk.createFolders(FOLDER);
    act.in(FOLDER, recording);
    return recording.asked();
  }

  @ParameterizedTest
  @EnumSource
  void aPowerCutLeavesWhatWasForcedAndNothingElse(DiskAct act) throws IOException {
    asked(act);
    long operations = disk.operations();

    for (long cut = 1; cut <= operations; cut++) {
      MemoryDisk stopped = new MemoryDisk();
      stopped.createFolders(FOLDER);
      RecordingDisk until = new RecordingDisk(stopped, FOLDER);
      stopped.stopAt(cut, Stop.BEFORE);
      try {
        act.in(FOLDER, until);
      } catch (MachineStopped e) {
        // As planned.
      }
      stopped.restart(new Loss.PowerCut(0));

      Map<Path, byte[]> left = until.left();
      assertThat(stopped.everyFile())
          .as("before operation %d", cut)
          .containsExactlyElementsOf(left.keySet());
      for (Path file : stopped.everyFile()) {
        assertThat(stopped.read(file))
            .as("%s before operation %d", file, cut)
            .isEqualTo(left.get(file));
      }
    }
  }
}
