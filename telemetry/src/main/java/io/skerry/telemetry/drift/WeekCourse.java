package io.skerry.telemetry.drift;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where a cohort belongs among its peers through a week: what it did at the same time of the same
 * weekday in both of the last two weeks, and not all the time in between. What lasts is a shift and
 * no course, whenever it began.
 *
 * <p>A week is cut into slots of a few hours, and a mean of each is kept for two weeks. Where the
 * course changes from one slot to the next, the change may come anywhere in them: as much is
 * allowed for there.
 */
final class WeekCourse {
  /** Days of a week. */
  static final int DAYS = 7;

  private static final short UNKNOWN = Short.MIN_VALUE;
  private static final float STEPS = Short.MAX_VALUE;

  private final int statistics;
  private final int day;
  private final int week;
  private final int windows;
  // By slot, modulo two weeks.
  private final short[] @Nullable [] means;
  private final long[] slots;
  // Of the slot that lasts.
  private long slot = Long.MIN_VALUE;
  private final float[] sum;
  private final float[] count;
  private float @Nullable [] course;
  private float @Nullable [] allowance;

  /**
   * Knows nothing.
   *
   * @param day slots of a day
   * @param windows of a slot
   */
  WeekCourse(int statistics, int day, int windows) {
    this.statistics = statistics;
    this.day = day;
    this.week = DAYS * day;
    this.windows = windows;
    this.means = new short[2 * week][];
    this.slots = new long[2 * week];
    this.sum = new float[statistics];
    this.count = new float[statistics];
    Arrays.fill(slots, Long.MIN_VALUE);
  }

  void write(StateWriter to) {
    to.putLong(slot);
    to.putFloats(sum);
    to.putFloats(count);
    to.putOptional(course);
    to.putOptional(allowance);
    to.putLongs(slots);
    for (short[] row : means) {
      to.putFlag(row != null);
      if (row != null) {
        to.putShorts(row);
      }
    }
  }

  void read(StateReader from) {
    slot = from.getLong();
    from.getFloats(sum);
    from.getFloats(count);
    course = from.getOptional(statistics);
    allowance = from.getOptional(statistics);
    from.getLongs(slots);
    for (int i = 0; i < means.length; i++) {
      short[] row = from.getFlag() ? new short[statistics] : null;
      if (row != null) {
        from.getShorts(row);
      }
      means[i] = row;
    }
  }

  /** Whether this slot has begun. */
  boolean lastsIn(long now) {
    return now == slot;
  }

  /**
   * Ends the slot that lasted and begins another.
   *
   * @param least what no course is smaller than, by statistic: a mean may be as far from 0 by
   *     chance; infinite where there shall be none
   */
  void begin(long now, float[] least) {
    float[] before = now == slot + 1 ? course : null;
    keep();
    slot = now;
    course = null;
    allowance = null;
    for (int s = 0; s < statistics; s++) {
      float last = before == null ? 0 : before[s];
      float here = agreed(now, s, least[s]);
      float next = agreed(now + 1, s, least[s]);
      if (last != 0 || here != 0 || next != 0) {
        take(s, here, Math.max(Math.abs(here - last), Math.abs(here - next)), least[s]);
      }
    }
  }

  private void take(int statistic, float here, float change, float least) {
    float[] courses = course == null ? new float[statistics] : course;
    float[] allowances = allowance == null ? new float[statistics] : allowance;
    courses[statistic] = here;
    allowances[statistic] = Math.max(change, least);
    course = courses;
    allowance = allowances;
  }

  private void keep() {
    if (slot == Long.MIN_VALUE) {
      return;
    }
    int at = Math.floorMod(slot, 2 * week);
    short[] row = means[at] == null ? new short[statistics] : means[at];
    for (int s = 0; s < statistics; s++) {
      // Of less than half of a slot nothing is known.
      row[s] =
          2 * count[s] < windows
              ? UNKNOWN
              : (short) Math.round(Math.clamp(sum[s] / count[s], -1f, 1f) * STEPS);
    }
    means[at] = row;
    slots[at] = slot;
    Arrays.fill(sum, 0);
    Arrays.fill(count, 0);
  }

  // The smaller of both weeks', where they are on one side.
  private float agreed(long at, int statistic, float least) {
    float one = mean(at - week, statistic);
    float other = mean(at - 2L * week, statistic);
    if (!(one * other > 0)) {
      return 0;
    }
    float smaller = Math.abs(one) < Math.abs(other) ? one : other;
    return Math.abs(smaller) > least
            && isBackBetween(at - 2L * week, at - week, statistic, smaller)
            && isBackBetween(at - week, slot, statistic, smaller)
        ? smaller
        : 0;
  }

  // Whether it was nearer to nothing for as long as a day.
  private boolean isBackBetween(long after, long before, int statistic, float course) {
    int back = 0;
    for (long at = after + 1; at < before; at++) {
      float mean = mean(at, statistic);
      back += Math.signum(course) * mean < Math.abs(course) / 2 ? 1 : 0;
    }
    return back >= day;
  }

  private float mean(long at, int statistic) {
    int index = Math.floorMod(at, 2 * week);
    short[] row = means[index];
    return slots[index] != at || row == null || row[statistic] == UNKNOWN
        ? Float.NaN
        : row[statistic] / STEPS;
  }

  /** The course of the slot that lasts; none where there is nothing to take off. */
  float @Nullable [] course() {
    return course;
  }

  /** How far the cohort may be from it: of statistics without a course 0. */
  float @Nullable [] allowance() {
    return allowance;
  }

  /** Learns how far the cohort was from its peers in a window. */
  void learn(int statistic, double effect) {
    sum[statistic] += (float) effect;
    count[statistic]++;
  }

  /** Forgets all: its devices belong elsewhere now. */
  void forget() {
    Arrays.fill(means, null);
    Arrays.fill(slots, Long.MIN_VALUE);
    Arrays.fill(sum, 0);
    Arrays.fill(count, 0);
    course = null;
    allowance = null;
  }
}
