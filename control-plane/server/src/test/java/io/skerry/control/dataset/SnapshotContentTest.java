package io.skerry.control.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotContentTest {
  private static final int WINDOW = 5;
  private static final CollectedWindow.Origin ORIGIN =
      new CollectedWindow.Origin(new TenantId("default"), "engine", Instant.EPOCH);

  /** Opens only what it sealed under the same name. */
  private static final CollectedSeals SEALS =
      new CollectedSeals() {
        @Override
        public byte[] seal(TenantId tenant, String name, byte[] input) {
          return turned(tenant, name, input);
        }

        @Override
        public byte[] open(TenantId tenant, String name, byte[] sealed) {
          return turned(tenant, name, sealed);
        }

        private byte[] turned(TenantId tenant, String name, byte[] bytes) {
          byte[] turned = bytes.clone();
          for (int i = 0; i < turned.length; i++) {
            turned[i] ^= (byte) (tenant + "/" + name).hashCode();
          }
          return turned;
        }
      };

  @Test
  void cutsOneWindowPerCycleFromTheFirstFullOneOn() throws IOException {
    Examples examples = content(6, 12).examples();

    assertThat(examples.size()).isEqualTo(6 * (12 - WINDOW + 1));
    assertThat(examples.inputs().shape()).containsExactly(examples.size(), 2, WINDOW);
    float[] first = java.util.Arrays.copyOf(examples.inputs().floats(), 2 * WINDOW);
    assertThat(first).containsExactly(1, 2, 3, 4, 5, 1, 2, 3, 4, 5);
    assertThat(examples.labels().floats()).startsWith(0, 0, 0, 0, 0, 1, 1, 1);
  }

  @Test
  void putsEveryWindowOfADeviceIntoOneSplit() throws IOException {
    SnapshotContent content = content(20, 12);
    byte[] splits = content.examples().splits().bytes();

    int perDevice = 12 - WINDOW + 1;
    for (int device = 0; device < 20; device++) {
      byte split = content.split(content.series().get(device).device()).code();
      for (int i = 0; i < perDevice; i++) {
        assertThat(splits[device * perDevice + i]).isEqualTo(split);
      }
    }
    for (Split split : Split.values()) {
      assertThat(content.examples().positives(split)).isPositive();
    }
  }

  @Test
  void digestNamesTheContentAndNotItsOrder() throws IOException {
    SnapshotContent content = content(6, 12);
    List<DeviceSeries> shuffled = new ArrayList<>(content.series());
    Collections.reverse(shuffled);
    SnapshotContent same =
        new SnapshotContent(content.features(), WINDOW, 1, shuffled, List.of(), content.splits());
    Map<DeviceId, Split> moved = new HashMap<>(content.splits());
    moved.replaceAll((device, split) -> split == Split.TEST ? Split.TRAIN : split);
    SnapshotContent other =
        new SnapshotContent(content.features(), WINDOW, 1, content.series(), List.of(), moved);

    assertThat(same.digest()).isEqualTo(content.digest());
    assertThat(other.digest()).isNotEqualTo(content.digest());
    assertThat(content(6, 13).digest()).isNotEqualTo(content.digest());
  }

  @Test
  void learnsCollectedWindowsSeveralTimesAndJudgesThemOnce() throws IOException {
    SnapshotContent base = content(6, 12);
    List<CollectedWindow> windows =
        List.of(window("fleet-1", "p1", 1, true), window("fleet-2", "p2", 0, true));
    Map<DeviceId, Split> splits = new HashMap<>(base.splits());
    splits.put(new DeviceId("fleet-1"), Split.TRAIN);
    splits.put(new DeviceId("fleet-2"), Split.TEST);

    Examples examples =
        new SnapshotContent(base.features(), WINDOW, 4, base.series(), windows, splits).examples();

    assertThat(examples.size()).isEqualTo(base.examples().size() + 5);
    assertThat(examples.sliceSize(Split.TRAIN)).isEqualTo(4);
    assertThat(examples.sliceSize(Split.TEST)).isEqualTo(1);
  }

  /** What no device sent: only of that a copy may lie in what goes to every device. */
  @Test
  void tellsWhichInputsComeFromNoDevice() throws IOException {
    SnapshotContent base = content(6, 12);
    List<CollectedWindow> windows =
        List.of(window("fleet-1", "p1", 1, true), window("fleet-1", "p2", 0, true));
    Map<DeviceId, Split> splits = new HashMap<>(base.splits());
    splits.put(new DeviceId("fleet-1"), Split.TRAIN);
    Examples own = base.examples();

    Examples examples =
        new SnapshotContent(base.features(), WINDOW, 4, base.series(), windows, splits).examples();

    int all = examples.size(Split.TRAIN);
    assertThat(examples.ownInputs(Split.TRAIN, all)).isEqualTo(own.size(Split.TRAIN));
    assertThat(all).isEqualTo(own.size(Split.TRAIN) + 8);
    int half = examples.ownInputs(Split.TRAIN, all / 2);
    float[] inputs = examples.inputs(Split.TRAIN, all / 2).floats();
    assertThat(IntStream.range(0, all / 2).filter(item -> !isFlat(inputs, item)).boxed())
        .isEqualTo(IntStream.range(0, half).boxed().toList());
    assertThat(own.ownInputs(Split.TRAIN, 5)).isEqualTo(5);
  }

  @Test
  void refusesAWindowOfAnotherShape() throws IOException {
    SnapshotContent base = content(6, 12);
    Map<DeviceId, Split> splits = new HashMap<>(base.splits());
    splits.put(new DeviceId("fleet-1"), Split.TRAIN);
    CollectedWindow wrong =
        new CollectedWindow(ORIGIN, new DeviceId("fleet-1"), "p1", 1, true, new float[3]);

    assertThatThrownBy(
            () ->
                new SnapshotContent(
                    base.features(), WINDOW, 1, base.series(), List.of(wrong), splits))
        .hasMessage("window of device 'fleet-1' has 3 values, not 2 x 5");
  }

  @Test
  void selectsEvenlySpreadExamplesOfASplit() throws IOException {
    Examples examples = content(20, 40).examples();

    assertThat(examples.inputs(Split.TRAIN, 10).shape()).containsExactly(10, 2, WINDOW);
    assertThat(examples.labels(Split.TEST, 1_000_000).shape())
        .containsExactly(examples.size(Split.TEST));
  }

  @Test
  void comesBackFromParquetWithTheSameDigest(@TempDir Path folder) throws IOException {
    SnapshotContent base = content(6, 12);
    Map<DeviceId, Split> splits = new HashMap<>(base.splits());
    splits.put(new DeviceId("fleet-1"), Split.VALIDATION);
    SnapshotContent content =
        new SnapshotContent(
            base.features(),
            WINDOW,
            3,
            base.series(),
            List.of(window("fleet-1", "p'1", 1, true)),
            splits);
    Path series = folder.resolve("name=it's/series.parquet");
    Path collected = folder.resolve("collected.parquet");

    LakeFiles.writeSeries(series, content);
    LakeFiles.writeCollected(collected, content, SEALS);
    Map<DeviceId, Split> read = new HashMap<>();
    SnapshotContent back =
        new SnapshotContent(
            content.features(),
            WINDOW,
            3,
            LakeFiles.readSeries(series, content.features(), read),
            LakeFiles.readCollected(collected, ORIGIN, SEALS, read),
            read);

    assertThat(back.digest()).isEqualTo(content.digest());
  }

  @Test
  void collectedDevicesOfTheSliceLearnAndJudge() {
    List<CollectedWindow> windows = new ArrayList<>();
    for (int device = 0; device < 17; device++) {
      for (int i = 0; i < 10; i++) {
        windows.add(
            window("fleet-" + device, "p" + i, i == 9 && device % 3 == 0 ? 1 : 0, device < 8));
      }
    }

    Map<DeviceId, Split> splits = CollectedSplit.assign(windows, Map.of());

    List<Split> sliced =
        windows.stream()
            .filter(CollectedWindow::slice)
            .map(one -> splits.get(one.device()))
            .toList();
    assertThat(sliced).contains(Split.TRAIN, Split.TEST);
    List<Split> positives =
        windows.stream()
            .filter(one -> one.slice() && one.label() == 1)
            .map(one -> splits.get(one.device()))
            .toList();
    assertThat(positives).contains(Split.TRAIN, Split.TEST);
  }

  @Test
  void rareClassesReachEverySplit() {
    List<CollectedWindow> windows = new ArrayList<>();
    for (int device = 0; device < 60; device++) {
      for (int i = 0; i < 10; i++) {
        boolean rare = i == 9 && device % 20 < 2;
        windows.add(window("fleet-" + device, "p" + i, rare ? 3 : i % 3, true));
      }
    }

    Map<DeviceId, Split> splits = CollectedSplit.assign(windows, Map.of());

    for (int label = 0; label < 4; label++) {
      int one = label;
      assertThat(windows.stream().filter(window -> window.label() == one))
          .extracting(window -> splits.get(window.device()))
          .contains(Split.values());
    }
  }

  @Test
  void fewDevicesOfSeveralClassesLearnAndJudge() {
    // The class of one device only must not keep the other from judging.
    List<CollectedWindow> windows =
        List.of(
            window("fleet-1", "p1", 0, true),
            window("fleet-1", "p2", 1, true),
            window("fleet-2", "p1", 0, true),
            window("fleet-2", "p2", 1, true),
            window("fleet-2", "p3", 2, true));

    assertThat(CollectedSplit.assign(windows, Map.of()).values())
        .containsExactlyInAnyOrder(Split.TRAIN, Split.TEST);
    DeviceId old = new DeviceId("fleet-2");
    assertThat(CollectedSplit.assign(windows, Map.of(old, Split.TEST)))
        .containsEntry(old, Split.TEST)
        .containsEntry(new DeviceId("fleet-1"), Split.TRAIN);
  }

  @Test
  void theFirstOfSeveralClassesReachesEverySplitAsAnyOther() {
    // Few devices have the first class, and all of them the second one, too.
    int[][] classes = new int[30][];
    for (int device = 0; device < classes.length; device++) {
      classes[device] = device < 3 ? new int[] {0, 1} : device < 20 ? new int[] {1} : new int[] {2};
    }
    for (int seed = 0; seed < 20; seed++) {
      List<Set<Split>> found = splitsOfClasses(seed, classes);

      assertThat(found).as("seed %d", seed).allMatch(of -> of.size() == Split.values().length);
    }
  }

  @Test
  void eachOfSeveralClassesIsLearnedWhoeverElseHasIt() {
    // All devices of the last class have another one, too, that is as rare.
    int[][] classes = {{0}, {0}, {0}, {0}, {1, 3}, {1, 3}, {1}, {2, 3}, {2}, {2}};
    for (int seed = 0; seed < 20; seed++) {
      List<Set<Split>> found = splitsOfClasses(seed, classes);

      assertThat(found).as("seed %d", seed).allMatch(of -> of.contains(Split.TRAIN));
    }
  }

  // By class, the splits of the devices that have it.
  private static List<Set<Split>> splitsOfClasses(int seed, int[][] classes) {
    List<DeviceSeries> all = new ArrayList<>();
    for (int device = 0; device < classes.length; device++) {
      DeviceSeries series =
          new DeviceSeries(new DeviceId("s%d-device-%d".formatted(seed, device)), 1);
      for (int cycle = 0; cycle < classes[device].length; cycle++) {
        series.add(cycle, new float[] {device}, classes[device][cycle]);
      }
      all.add(series);
    }
    SnapshotContent content = SnapshotContent.ofTable(new DatasetTable(List.of("f"), all), 1);
    List<Set<Split>> found = new ArrayList<>();
    for (int label = 0; label < content.classes(); label++) {
      int one = label;
      found.add(
          all.stream()
              .filter(series -> series.classes(1).get(one))
              .map(series -> content.split(series.device()))
              .collect(Collectors.toSet()));
    }
    return found;
  }

  @Test
  void takesNoOutcomeForAClassThatItIsNot() {
    assertThat(LabelClasses.of(2, 3)).hasValue(2);
    assertThat(LabelClasses.of(.5, 2)).hasValue(1);
    assertThat(LabelClasses.of(.49, 2)).hasValue(0);
    assertThat(LabelClasses.of(2, 2)).isEmpty();
    assertThat(LabelClasses.of(37.5, 3)).isEmpty();
    assertThat(LabelClasses.of(-1, 3)).isEmpty();
    assertThat(LabelClasses.of(Double.NaN, 3)).isEmpty();
  }

  /** As all collected windows here are. */
  private static boolean isFlat(float[] inputs, int item) {
    int width = 2 * WINDOW;
    return IntStream.range(item * width, (item + 1) * width)
        .allMatch(i -> inputs[i] == inputs[item * width]);
  }

  private static CollectedWindow window(
      String device, String prediction, int label, boolean slice) {
    float[] values = new float[2 * WINDOW];
    java.util.Arrays.fill(values, label + 0.5f);
    return new CollectedWindow(ORIGIN, new DeviceId(device), prediction, label, slice, values);
  }

  private static SnapshotContent content(int devices, int rows) throws IOException {
    return SnapshotContent.ofTable(DatasetCsvTest.table(devices, rows), WINDOW);
  }
}
