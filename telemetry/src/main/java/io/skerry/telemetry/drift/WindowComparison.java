package io.skerry.telemetry.drift;

import io.skerry.telemetry.drift.Units.Unit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Compares every cohort with its peers in one window, the units outside it, and lets its detectors
 * bet that the units differ by no more than the tolerance.
 */
final class WindowComparison {
  // A tolerance so near to the largest possible mean could never be passed.
  static final double TOLERANCE_MAX = .9;

  // Units whose bets are multiplied one by one; of more, sums are enough.
  static final int EXACT_MAX = 256;

  // A unit's largest say is some tolerances, or a large shift would look like a small one.
  private static final double CLIP_TOLERANCES = 4;

  private static final int COMMON_STEPS_MAX = 64;

  // Times the variance that a clip was made for; what varies so much more than others is skewed.
  private static final double SKEWED = 2;

  private final DriftSettings settings;
  private final FleetState fleet;
  private final Memberships memberships;
  private final Explanations explanations;
  private final @Nullable String unit;
  // What one unit may say at most, by statistic; 0 = not judged.
  private final float[] clip;
  // What all units have in common.
  private final float[] common;
  // Of the fleet's rows: the units that are not explained.
  private final float[] totalSum;
  private final float[] totalUnits;
  // What clipping may take off the fleet's rows, and of how many devices they are.
  private final float[] totalSkew;
  private final float[] totalTold;
  private final float[] totalSeldom;
  // Statistics whose values are skewed, as shares are.
  private final int[] shares;

  /**
   * Of one window.
   *
   * @param unit the attribute whose values have one say each; null = devices have
   */
  WindowComparison(
      DriftSettings settings,
      FleetState fleet,
      Memberships memberships,
      Explanations explanations,
      @Nullable String unit) {
    this.settings = settings;
    this.fleet = fleet;
    this.memberships = memberships;
    this.explanations = explanations;
    this.unit = unit;
    this.clip = fleet.clip();
    this.common = new float[clip.length];
    this.totalSum = new float[clip.length];
    this.totalUnits = new float[clip.length];
    this.totalSkew = new float[clip.length];
    this.totalTold = new float[clip.length];
    this.totalSeldom = new float[clip.length];
    this.shares = shares(fleet.statistics());
  }

  /** What the detectors of each cohort say now; nothing where devices are too few. */
  List<StreamVerdict> verdicts(long window, List<Judged> devices) {
    if (devices.size() < 2 * settings.cohortMin()) {
      return List.of();
    }
    fleet.fixClips();
    memberships.judgeWhereThereAreEnough(devices, clip.length);
    List<CohortState> states = new ArrayList<>(memberships.judged().values());
    explanations.states().stream().filter(one -> !states.contains(one)).forEach(states::add);
    states.forEach(CohortState::begin);
    List<Unit> units = units(devices);
    addUp(units);
    if (findCommon(units)) {
      states.forEach(CohortState::begin);
      addUp(units);
    }
    addShares(devices);
    states.forEach(this::compare);
    for (Unit one : units) {
      for (CohortState cohort : one.cohorts) {
        addScaled(one.residuals, common, cohort);
      }
    }
    List<StreamVerdict> verdicts = new ArrayList<>();
    for (CohortState cohort : states) {
      cohort.open(window);
      if (cohort.devices >= settings.cohortMin()) {
        judge(cohort, verdicts);
      }
    }
    return verdicts;
  }

  private List<Unit> units(List<Judged> devices) {
    return Units.of(devices, explanations, unit, clip.length);
  }

  private void addUp(List<Unit> units) {
    Arrays.fill(totalSum, 0);
    Arrays.fill(totalUnits, 0);
    for (Unit one : units) {
      if (one.isCounted) {
        addClipped(one.residuals, 1, totalSum, totalUnits);
      }
      for (CohortState cohort : one.cohorts) {
        cohort.devices += one.devices;
        addClipped(one.residuals, 1, cohort.residualSum, cohort.units);
        if (one.whole != null) {
          addClipped(one.whole, 1, cohort.ownSum, cohort.ownUnits);
        }
        if (one.rest != null) {
          addClipped(one.rest, -1, cohort.ownSum, cohort.ownUnits);
        }
      }
    }
  }

  private void addClipped(float[] residuals, int times, float[] sum, float[] units) {
    for (int s = 0; s < clip.length; s++) {
      float value = residuals[s] - common[s];
      if (!Float.isNaN(value)) {
        sum[s] += times * Math.max(-clip[s], Math.min(clip[s], value));
        units[s] += times;
      }
    }
  }

  // A cohort that moved far moves the fleet's mean, and by it all others alike. Where that is much
  // of the clip, their clipped mean is no mean of them any more, and each would differ from it.
  private boolean findCommon(List<Unit> units) {
    boolean any = false;
    for (int s = 0; s < clip.length; s++) {
      float most = clip[s];
      float step = totalUnits[s] == 0 ? 0 : totalSum[s] / totalUnits[s];
      if (Math.abs(step) <= most / 4) {
        continue;
      }
      any = true;
      for (int i = 0; i < COMMON_STEPS_MAX && Math.abs(step) > most / 64; i++) {
        common[s] += step;
        float sum = 0;
        for (Unit one : units) {
          float value = one.residuals[s] - common[s];
          if (one.isCounted && !Float.isNaN(value)) {
            sum += Math.max(-most, Math.min(most, value));
          }
        }
        step = sum / totalUnits[s];
      }
    }
    return any;
  }

  private static int[] shares(Statistics statistics) {
    return IntStream.range(0, statistics.size())
        .filter(s -> isShare(statistics.stream(s).kind()))
        .toArray();
  }

  /** Whether its values are shares, which are skewed where they are small. */
  static boolean isShare(Stream.Kind kind) {
    return switch (kind) {
      case QUALITY, STUCK, CATEGORY, SHARE, ERROR -> true;
      case LOCATION, CONDITIONAL, SCALE, OUTPUT -> false;
    };
  }

  // Who told shares, and who is told them seldom. What clipping hides of them: a baseline is the
  // mean
  // of all that a device says, and its say is clipped. Of one that is mostly
  // a little below and now and then far above, the clipped mean is no 0.
  private void addShares(List<Judged> devices) {
    for (Judged one : devices) {
      Device device = one.device();
      List<CohortState> out = explanations.statesHolding(device.attributes());
      List<CohortState> cohorts = out.isEmpty() ? device.cohorts() : out;
      int own = out.isEmpty() ? 1 : 0;
      for (int s : shares) {
        if (Float.isNaN(one.residuals()[s])) {
          continue;
        }
        float seldom = device.isSeldom(s) ? 1 : 0;
        float skew = (float) skew(device.variance(s), clip[s], settings.clipDeviations());
        for (CohortState cohort : cohorts) {
          cohort.told[s]++;
          cohort.ownTold[s] += own;
          cohort.seldom[s] += seldom;
          cohort.ownSeldom[s] += own * seldom;
          cohort.skew[s] += skew;
          cohort.ownSkew[s] += own * skew;
        }
        totalTold[s] += own;
        totalSeldom[s] += own * seldom;
        totalSkew[s] += own * skew;
      }
    }
  }

  /**
   * How far from 0 the clipped mean of what has mean 0 may be: of two values it is as far as it can
   * be. 0 where the clip was made for as much variance.
   */
  static double skew(double variance, double clip, double clipDeviations) {
    double most = clip / clipDeviations;
    return variance > SKEWED * most * most
        ? Math.min(clip, (Math.sqrt(variance + clip * clip) - clip) / 2)
        : 0;
  }

  // What the peers did, and how far beyond that a cohort must be.
  private void compare(CohortState cohort) {
    for (int s = 0; s < clip.length; s++) {
      int members = (int) cohort.units[s];
      int peers = peers(cohort, s);
      if (!(clip[s] > 0) || members < settings.cohortMin() || peers < settings.cohortMin()) {
        continue;
      }
      cohort.peerMean[s] = (totalSum[s] - cohort.ownSum[s]) / peers;
      double tolerance = tolerance(cohort, s, members, peers);
      cohort.clip[s] = (float) Math.min(1, Math.max(clip[s], CLIP_TOLERANCES * tolerance));
      cohort.tolerance[s] = (float) (tolerance / cohort.clip[s]);
      cohort.part[s] = (float) part(cohort, s, members, peers);
    }
  }

  private int peers(CohortState cohort, int statistic) {
    return (int) (totalUnits[statistic] - cohort.ownUnits[statistic]);
  }

  /** What one unit may say at most. */
  static double clip(DriftSettings settings, double variance, double material, double tolerance) {
    double widest = settings.clipDeviations() * Math.sqrt(variance);
    return Math.min(1, Math.max(Math.max(widest, 4 * material), CLIP_TOLERANCES * tolerance));
  }

  private double tolerance(CohortState cohort, int statistic, int members, int peers) {
    double skew =
        cohort.skew[statistic] / Math.max(1, cohort.told[statistic])
            + (totalSkew[statistic] - cohort.ownSkew[statistic]) / peersTold(cohort, statistic);
    double error =
        fleet.baselineVariance(statistic, seldom(cohort, statistic)) / members
            + fleet.baselineVariance(statistic, peersSeldom(cohort, statistic)) / peers;
    return skew + fleet.material(statistic) + settings.baselineZ() * Math.sqrt(error);
  }

  // What members share is of their peers' noise; it is made up for by what they vary themselves.
  private double part(CohortState cohort, int statistic, int members, int peers) {
    double seldom = peersSeldom(cohort, statistic);
    double fresh = fleet.variance(statistic, seldom) - fleet.baselineVariance(statistic, seldom);
    double own = fleet.variance(statistic, seldom(cohort, statistic));
    return ShiftDetectors.part(members, peers, own, own - Math.max(0, fresh));
  }

  // Of the members that told a statistic the share that is told it seldom, and of the peers.
  private static double seldom(CohortState cohort, int statistic) {
    return cohort.seldom[statistic] / Math.max(1, cohort.told[statistic]);
  }

  private double peersSeldom(CohortState cohort, int statistic) {
    return (totalSeldom[statistic] - cohort.ownSeldom[statistic]) / peersTold(cohort, statistic);
  }

  private double peersTold(CohortState cohort, int statistic) {
    return Math.max(1, totalTold[statistic] - cohort.ownTold[statistic]);
  }

  private static void addScaled(float[] residuals, float[] common, CohortState cohort) {
    float[] clip = cohort.clip;
    for (int s = 0; s < clip.length; s++) {
      float y = clip[s] > 0 ? scaled(residuals, common, cohort, s) : Float.NaN;
      if (!Float.isNaN(y)) {
        if (cohort.units[s] <= EXACT_MAX) {
          ShiftDetectors.bet(cohort.products, s, y, cohort.tolerance[s]);
        } else {
          cohort.sum[s] += y;
          cohort.squares[s] += y * y;
        }
      }
    }
  }

  private static float scaled(float[] residuals, float[] common, CohortState cohort, int s) {
    float value = residuals[s] - common[s] - cohort.peerMean[s];
    return Math.max(-1, Math.min(1, value / cohort.clip[s]));
  }

  private void judge(CohortState cohort, List<StreamVerdict> verdicts) {
    ShiftDetectors detectors = cohort.detectors();
    for (int s = 0; s < clip.length; s++) {
      if (cohort.clip[s] == 0) {
        continue;
      }
      int members = (int) cohort.units[s];
      int peers = peers(cohort, s);
      double error =
          Math.sqrt(
              fleet.variance(s, seldom(cohort, s)) / members
                  + fleet.variance(s, peersSeldom(cohort, s)) / peers);
      double effect = cohort.residualSum[s] / members - cohort.peerMean[s];
      cohort.effect(s, effect, error);
      if (cohort.tolerance[s] < TOLERANCE_MAX) {
        if (members <= EXACT_MAX) {
          detectors.observe(s, cohort.products, cohort.part[s]);
        } else {
          detectors.observe(
              s, members, cohort.sum[s], cohort.squares[s], cohort.tolerance[s], cohort.part[s]);
        }
      }
      verdicts.add(
          new StreamVerdict(
              cohort.cohort(),
              fleet.statistics().stream(s),
              members,
              peers,
              effect,
              error,
              tolerance(cohort, s, members, peers),
              fleet.statistics().slopeOf(s),
              detectors.logM(s),
              0));
    }
  }

  /** What the verdict rests on that something was found from, of the same devices. */
  DriftEvidence evidence(DriftCause.Found found, List<Judged> devices) {
    int s = fleet.statistics().streams().indexOf(found.finding().firedBy());
    CohortState state =
        java.util.Objects.requireNonNull(memberships.judged(found.finding().firedIn()));
    boolean isExact = state.units[s] <= EXACT_MAX;
    List<Double> values = new ArrayList<>();
    double sum = 0;
    double squares = 0;
    for (Unit one : units(devices)) {
      float y = one.cohorts.contains(state) ? scaled(one.residuals, common, state, s) : Float.NaN;
      if (!Float.isNaN(y)) {
        values.add((double) y);
        sum += y;
        squares += y * y;
      }
    }
    return new DriftEvidence(
        false,
        Arrays.stream(ShiftDetectors.bets()).boxed().toList(),
        Arrays.stream(state.detectors().before(s)).boxed().toList(),
        (int) state.units[s],
        isExact ? values : List.of(),
        isExact ? sum : state.sum[s],
        isExact ? squares : state.squares[s],
        state.tolerance[s],
        state.clip[s],
        state.part[s],
        settings.windowsPerFalseAlarm(),
        fleet.detectors(),
        found.edges(),
        found.expected(),
        found.observed());
  }
}
