package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Judges the windows of one model in one slot over a whole fleet, window by window.
 *
 * <ol>
 *   <li>A device-window becomes one number per statistic ({@link Stream.Kind}), less the fleet's
 *       mean in the same window: what moves everybody is no drift of somebody.
 *   <li>Each device learns its own baseline from its first windows, with its course through the
 *       season where there is one; the first learners also show how the features move together.
 *   <li>Afterwards it is a residual against the own baseline, then less the mean of the peers, the
 *       devices outside the cohort. Per cohort (devices with one attribute value) and statistic an
 *       e-detector gathers evidence beyond the tolerance: what is material, and 3.9 standard errors
 *       of the baselines. Its threshold is windows-per-false-alarm times the number of detectors.
 *   <li>What moves the whole fleet at once no cohort shows: where a season is known, the fleet's
 *       level is judged against its own past ({@link FleetLevel}), with detectors that count among
 *       the others.
 *   <li>When one reaches it, the conjunction of at most two attributes that explains most of the
 *       shift and the input feature that moved most there are the cause. A cohort so explained is
 *       neither peer nor part of another cohort until released, and every detector starts again:
 *       one cause opens one incident.
 * </ol>
 *
 * <p>These steps are, in their order, {@link WindowRows} and {@link FleetMeans}, {@link
 * WindowDevices} and {@link LearnedCohorts}, {@link WindowComparison}, {@link FleetLevel}, and
 * {@link Conclusion} with {@link DriftCause} and {@link Explanations}.
 *
 * <p>No I/O, no clock, no chance. Not safe for use by several threads.
 */
public final class DriftLedger {
  /** Windows without the effect after which an explained cohort has ended. */
  public static final int QUIET_WINDOWS = 8;

  /** Windows back that a window which comes late may be of. */
  public static final int LATE_WINDOWS = 64;

  /** Windows after which a device that tells nothing is forgotten: as many hours are 85 days. */
  public static final int AWAY_WINDOWS = 2048;

  // Cohorts or devices of a state at most.
  static final int COUNT_MAX = 10_000_000;

  // Another number wherever what is written, or what is made of it, is another.
  private static final int STATE_FORMAT = 7;
  // Without outcomes that come seldom.
  static final int STATE_FORMAT_OFTEN = 6;
  // Without what each device varied by while it learned.
  static final int STATE_FORMAT_VARIED = 5;
  // With how much devices vary pooled, and not by how much each does.
  static final int STATE_FORMAT_POOLED = 4;
  // Without the versions that devices learned under, and whether the fleet learns anew.
  static final int STATE_FORMAT_ONCE = 3;
  // Without when devices were heard.
  private static final int STATE_FORMAT_UNHEARD = 2;
  // Without what devices learned of outputs alone, and which bins they added up while learning.
  private static final int STATE_FORMAT_FIRST = 1;

  private final DriftSettings settings;
  private final Map<ModelVersion, Statistics.Reader> versions = new LinkedHashMap<>();
  private final WindowRows rows;
  private final Memberships memberships;
  private final FleetDevices devices;
  private final LearnedCohorts learned;
  private final Explanations explanations;
  private final FleetMeans means;
  private @Nullable FleetState fleet;
  private @Nullable String unit;

  /** An empty ledger. */
  public DriftLedger(DriftSettings settings) {
    this.settings = settings;
    this.rows = new WindowRows(settings.predictionsMin(), versions);
    this.memberships = new Memberships(settings.cohortMin());
    this.devices = new FleetDevices(settings, memberships);
    this.learned = new LearnedCohorts(memberships);
    this.explanations = new Explanations(settings, memberships);
    this.means = new FleetMeans(2 * settings.cohortMin());
  }

  /**
   * Tells the streams of a version, once, before its first window. The first version's training
   * data is the scale that the inputs of every version are placed on; the last version's unit is
   * what all are judged by.
   */
  public void register(ModelVersion version, MonitoredStreams streams) {
    FleetState known = fleet;
    if (known == null) {
      known = new FleetState(Statistics.of(streams), settings);
      fleet = known;
    }
    versions.put(version, known.statistics().reader(streams));
    unit = streams.unit().orElse(null);
  }

  /** Whether the version's streams were told. */
  public boolean knows(ModelVersion version) {
    return versions.containsKey(version);
  }

  /** The versions whose streams were told, in the order in which they were. */
  public List<ModelVersion> versions() {
    return List.copyOf(versions.keySet());
  }

  /** Forgets devices: one that comes again is a new one. */
  public void retain(Predicate<DeviceId> kept) {
    devices.retain(kept);
  }

  /**
   * Ends an explanation.
   *
   * @param relearn whether the cohort's devices learn their baselines anew, and are counted anew:
   *     what they count then takes the place of what they had counted, in every cohort that they
   *     are in. Of the whole fleet, which keeps its devices' baselines, the level and the counts.
   */
  public void release(Cohort cohort, boolean relearn) {
    if (cohort.equals(Cohort.FLEET)) {
      // The devices' own stays what it is: it is told against the others.
      boolean moved = explanations.hasFleetMoved();
      explanations.releaseFleet(fleet == null ? null : fleet.level(), relearn);
      if (moved && relearn) {
        learned.learnAnew(explanations::isExplained);
        devices.forEach(
            device -> {
              if (!explanations.hold(device.attributes())) {
                device.learnAnew(settings.learningWindows());
              }
            });
      }
      return;
    }
    explanations.release(cohort);
    if (relearn) {
      learned.leave(cohort, devices, versions);
      devices.relearn(cohort);
    }
  }

  /** Judges a window to which nothing came late. */
  public WindowVerdict judge(long window, List<DeviceWindow> deviceWindows) {
    return judge(window, deviceWindows, List.of());
  }

  /**
   * Judges a window, and with it what came too late for earlier ones.
   *
   * <p>What was judged is not judged again: to look twice and keep the stronger evidence would
   * break the promise. A late window is told against the fleet's mean of its own time and the
   * device's baseline at that time, and the device says the mean of its late windows and this one,
   * once. A device that still learns learns from them.
   *
   * @param window its index; windows must come in rising order
   * @param deviceWindows at most one per device; ignored when its version is not registered or its
   *     counts have another layout
   * @param late ignored too when they are not of one of the last {@value #LATE_WINDOWS} windows
   *     that were judged
   */
  public WindowVerdict judge(long window, List<DeviceWindow> deviceWindows, List<LateWindow> late) {
    return judge(window, deviceWindows, late, false);
  }

  /** The same, with the distances of all streams: they cost time, and no verdict rests on them. */
  public WindowVerdict judgeAndMeasure(
      long window, List<DeviceWindow> deviceWindows, List<LateWindow> late) {
    return judge(window, deviceWindows, late, true);
  }

  private WindowVerdict judge(
      long window, List<DeviceWindow> deviceWindows, List<LateWindow> late, boolean measured) {
    FleetState known = fleet;
    if (known == null) {
      return new WindowVerdict(
          window,
          0,
          0,
          List.of(),
          List.of(),
          Optional.empty(),
          Optional.empty(),
          Set.of(),
          Set.of());
    }
    List<DeviceWindow> ordered =
        deviceWindows.stream()
            .filter(rows::isReadable)
            .sorted(Comparator.comparing(one -> one.device().value()))
            .toList();
    WindowDevices told =
        new WindowDevices(settings, known, versions, explanations, learned, ordered, measured);
    Map<String, LateSay> said = late(known, window, late, told);
    Device[] seen = new Device[ordered.size()];
    List<DeviceWindow> gathered = new ArrayList<>(seen.length);
    for (int i = 0; i < seen.length; i++) {
      seen[i] = devices.of(window, ordered.get(i), known.statistics());
      gathered.add(seen[i].gather(window, ordered.get(i), settings));
    }
    float[][] read = rows.of(known, gathered);
    for (int i = 0; i < seen.length; i++) {
      seen[i].keep(read[i]);
    }
    Map<ModelVersion, float[]> off = means.center(known, ordered, read);
    for (int i = 0; i < seen.length; i++) {
      seen[i].heard(Objects.requireNonNull(off.get(ordered.get(i).version())));
    }
    told.take(window, seen, read, off, said);
    List<StreamDistance> distances = told.distances();
    told.learn();
    known.settle(seen);
    means.keep(window, off);
    WindowComparison comparison =
        new WindowComparison(settings, known, memberships, explanations, unit);
    List<StreamVerdict> verdicts = new ArrayList<>(comparison.verdicts(window, told.judged()));
    verdicts.addAll(told.judgeLevel(window));
    DriftCause cause =
        new DriftCause(
            settings,
            known.statistics(),
            memberships.judged(),
            learned,
            versions,
            known.leading(),
            known.level(),
            unit);
    WindowVerdict verdict =
        new Conclusion(known, devices, memberships, explanations, cause, comparison)
            .of(window, told.learning(), told.judged(), verdicts, distances);
    devices.forgetAway(window);
    memberships.forgetEmpty(explanations::isExplained);
    learned.forgetBeyondBound();
    learned.retain(devices.learnedUnder());
    return verdict;
  }

  // In the order of devices and windows, whatever order they came in.
  private Map<String, LateSay> late(
      FleetState known, long window, List<LateWindow> late, WindowDevices told) {
    Map<String, LateSay> said = new TreeMap<>();
    List<LateWindow> ordered =
        late.stream()
            .filter(one -> one.window() < window && rows.isReadable(one.counts()))
            .sorted(
                Comparator.comparing((LateWindow one) -> one.counts().device().value())
                    .thenComparingLong(LateWindow::window))
            .toList();
    for (LateWindow one : ordered) {
      DeviceWindow counts = one.counts();
      float[] off = means.of(one.window()).get(counts.version());
      if (off == null) {
        continue;
      }
      float[] row = rows.of(known, counts);
      Device device = devices.of(window, counts, known.statistics());
      device.keep(row);
      for (int s = 0; s < row.length; s++) {
        row[s] -= off[s];
      }
      if (known.level() != null) {
        device.learnLevelLate(counts.version(), off);
      }
      LateSay say =
          said.computeIfAbsent(
              counts.device().value(), id -> new LateSay(device, counts, row.length));
      say.came(counts);
      if (device.residualLate(
          one.window(),
          counts.version(),
          row,
          settings.learningWindows(),
          known.noise(),
          known.seldomNoise())) {
        say.add(row);
      } else {
        told.learnsLate(device, counts);
      }
    }
    return said;
  }

  /**
   * Compares the devices that an event touched with those that it did not: how far each has moved
   * from its own baseline, lately. Where units have one say each, they are compared.
   *
   * @param touched by the event
   */
  public EventCheck check(DriftFinding finding, Set<DeviceId> touched) {
    FleetState known = fleet;
    int statistic = known == null ? -1 : known.statistics().streams().indexOf(finding.movedBy());
    return statistic < 0
        ? EventCheck.NOT_TESTABLE
        : devices.check(finding, statistic, touched, unit);
  }

  /**
   * Writes all that the next verdicts rest on, in parts of at most 1 MiB. A ledger that {@link
   * #read} these says the same as this one from here on, bit for bit.
   *
   * @throws IllegalStateException if no version's streams were told
   */
  public void write(Consumer<byte[]> parts) {
    FleetState known = fleet;
    if (known == null) {
      throw new IllegalStateException("a ledger without streams has no state");
    }
    StateWriter to = new StateWriter(parts);
    writeHead(known.statistics(), to);
    known.write(to);
    memberships.write(to);
    learned.write(to);
    explanations.write(to);
    means.write(to, versions.keySet());
    devices.write(to);
    to.end();
  }

  private void writeHead(Statistics statistics, StateWriter to) {
    to.putInt(STATE_FORMAT);
    to.putText(settings.toString());
    to.putInt(versions.size());
    versions.keySet().forEach(version -> to.putText(version.toString()));
    to.putInt(statistics.size());
    statistics.streams().forEach(stream -> to.putText(stream.toString()));
  }

  /**
   * Goes on from what another ledger wrote.
   *
   * @param parts as they were written; each is asked for when it is needed
   * @throws IllegalArgumentException if they are damaged, of another format, settings or streams:
   *     this ledger is of no use then
   * @throws IllegalStateException unless this one is new, and knows the same versions, told in the
   *     same order
   */
  public void read(Iterator<byte[]> parts) {
    FleetState known = fleet;
    if (known == null || !devices.isEmpty() || !memberships.judged().isEmpty()) {
      throw new IllegalStateException("only a new ledger that knows its streams goes on");
    }
    StateReader from = new StateReader(parts);
    int format = readHead(known.statistics(), from);
    int size = known.statistics().size();
    known.read(from, format);
    memberships.read(from, size);
    learned.read(from, versions, format);
    explanations.read(from, size);
    means.read(from, versions.size(), size);
    devices.read(
        from,
        format,
        known.statistics(),
        format > STATE_FORMAT_UNHEARD
            ? OptionalLong.empty()
            : OptionalLong.of(means.newest().orElse(0)),
        format > STATE_FORMAT_ONCE ? Optional.empty() : Optional.of(Set.copyOf(versions.keySet())));
    from.end();
  }

  private int readHead(Statistics statistics, StateReader from) {
    int format = from.getInt();
    if (format < STATE_FORMAT_FIRST || format > STATE_FORMAT) {
      throw new IllegalArgumentException(
          "the state has format %d, not %d to %d"
              .formatted(format, STATE_FORMAT_FIRST, STATE_FORMAT));
    }
    check("settings", settings.toString(), from.getText());
    check("number of versions", versions.size(), from.getInt());
    for (ModelVersion version : versions.keySet()) {
      check("version", version.toString(), from.getText());
    }
    check("number of streams", statistics.size(), from.getInt());
    for (Stream stream : statistics.streams()) {
      check("stream", stream.toString(), from.getText());
    }
    return format;
  }

  private static void check(String what, Object expected, Object found) {
    if (!expected.equals(found)) {
      throw new IllegalArgumentException(
          "the state's %s is %s, not %s".formatted(what, found, expected));
    }
  }
}
