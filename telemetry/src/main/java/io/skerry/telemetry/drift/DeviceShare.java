package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What one device may say at most where devices are added up: {@value #MEDIANS_MAX} times what the
 * median of them says. A device that counts its predictions ten thousandfold, or names absurd
 * inclusion probabilities, then weighs no more than four others.
 *
 * <pre>{@code
 * limit = 4 median of the devices' amounts above 0 (of an even number the lower of the two)
 * share = min(1, limit / amount)
 * }</pre>
 */
public final class DeviceShare {
  /** Medians of the devices' amounts that one counts for at most. */
  public static final int MEDIANS_MAX = 4;

  private static final int DEVICES_MIN = 3;

  private DeviceShare() {}

  /**
   * What one device counts for at most.
   *
   * @param amounts one per device, as much as it counted; those that counted nothing have no part
   * @return infinite where fewer than three counted: nobody can say which of two is the bad one
   */
  public static double limit(double[] amounts) {
    double[] counted = Arrays.stream(amounts).filter(amount -> amount > 0).sorted().toArray();
    return counted.length < DEVICES_MIN
        ? Double.POSITIVE_INFINITY
        : MEDIANS_MAX * counted[(counted.length - 1) / 2];
  }

  /** The part of a device's amount that counts, above 0 to 1. */
  public static double of(double amount, double limit) {
    return amount > limit ? limit / amount : 1;
  }

  /**
   * A device's counts, as many of them as it may count for, in the same proportions to within one.
   *
   * @param limit of their sum
   */
  public static long[] capped(long[] counts, double limit) {
    long total = Arrays.stream(counts).sum();
    return total > limit ? scaled(counts, limit / total) : counts;
  }

  /** Counts times a share, rounded so that their sum is. */
  static long[] scaled(long[] counts, double share) {
    long[] scaled = new long[counts.length];
    double sum = 0;
    long given = 0;
    for (int bin = 0; bin < counts.length; bin++) {
      sum += counts[bin] * share;
      scaled[bin] = Math.round(sum) - given;
      given += scaled[bin];
    }
    return scaled;
  }

  /**
   * Adds up the counts of devices, each as far as it may count.
   *
   * @param devices a row of counts each, all of one length
   * @return of that length; empty where there are no devices
   */
  public static long[] sum(Collection<long[]> devices) {
    return sum(devices, limit(totals(devices)));
  }

  /** What each device counted. */
  public static double[] totals(Collection<long[]> devices) {
    return devices.stream().mapToDouble(row -> Arrays.stream(row).sum()).toArray();
  }

  /**
   * The same where others say how much one may count for.
   *
   * @param most of a device's sum
   */
  public static long[] sum(Collection<long[]> devices, double most) {
    long[] sum = new long[0];
    for (long[] device : devices) {
      long[] row = capped(device, most);
      if (sum.length < row.length) {
        sum = Arrays.copyOf(sum, row.length);
      }
      for (int bin = 0; bin < row.length; bin++) {
        sum[bin] += row[bin];
      }
    }
    return sum;
  }

  /**
   * The share of each device, from weights of single things that it told.
   *
   * @param device whose a thing is
   * @param weight of a thing
   */
  public static <T> Map<String, Double> shares(
      Collection<T> things, Function<T, String> device, ToDoubleFunction<T> weight) {
    Map<String, Double> amounts = new HashMap<>();
    things.forEach(one -> amounts.merge(device.apply(one), weight.applyAsDouble(one), Double::sum));
    List<Double> all = new ArrayList<>(amounts.values());
    double limit = limit(all.stream().mapToDouble(Double::doubleValue).toArray());
    Map<String, Double> shares = new HashMap<>();
    amounts.forEach((name, amount) -> shares.put(name, of(amount, limit)));
    return shares;
  }
}
