package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Mean average precision at an overlap of one half, over the classes that are there.
 *
 * <p>An item's output is boxes of six numbers: left, top, right, bottom, score, class; its label is
 * boxes of five: left, top, right, bottom, class, of which those with a class below 0 are none.
 */
final class Detections {
  static final int OUTPUT_NUMBERS = 6;
  static final int LABEL_NUMBERS = 5;

  private static final double OVERLAP_MIN = 0.5;

  private record Found(int item, int box, float score) {}

  private Detections() {}

  /** Whether an item's label holds a box. */
  static boolean hasBox(Labels labels, int item) {
    for (int box = 0; box + LABEL_NUMBERS <= labels.perItem(); box += LABEL_NUMBERS) {
      if (labels.at(item, box + LABEL_NUMBERS - 1) >= 0) {
        return true;
      }
    }
    return false;
  }

  static double meanAveragePrecision(Outputs outputs, Labels labels) {
    if (outputs.perItem() % OUTPUT_NUMBERS != 0 || labels.perItem() % LABEL_NUMBERS != 0) {
      throw new IllegalArgumentException(
          "boxes have %d numbers in outputs and %d in labels, there are %d and %d"
              .formatted(OUTPUT_NUMBERS, LABEL_NUMBERS, outputs.perItem(), labels.perItem()));
    }
    Set<Integer> classes = new TreeSet<>();
    for (int item = 0; item < labels.count(); item++) {
      for (int box = 0; box < labels.perItem(); box += LABEL_NUMBERS) {
        int known = (int) labels.at(item, box + LABEL_NUMBERS - 1);
        if (known >= 0) {
          classes.add(known);
        }
      }
    }
    if (classes.isEmpty()) {
      throw new IllegalArgumentException("no label holds a box");
    }
    return classes.stream()
        .mapToDouble(known -> averagePrecision(outputs, labels, known))
        .average()
        .orElse(0);
  }

  private static double averagePrecision(Outputs outputs, Labels labels, int known) {
    List<Found> found = new ArrayList<>();
    int wanted = 0;
    for (int item = 0; item < labels.count(); item++) {
      for (int box = 0; box < outputs.perItem(); box += OUTPUT_NUMBERS) {
        float score = outputs.at(item, box + 4);
        if (score > 0 && (int) outputs.at(item, box + 5) == known) {
          found.add(new Found(item, box, score));
        }
      }
      for (int box = 0; box < labels.perItem(); box += LABEL_NUMBERS) {
        wanted += (int) labels.at(item, box + 4) == known ? 1 : 0;
      }
    }
    found.sort(Comparator.comparingDouble((Found f) -> f.score()).reversed());
    Set<Long> taken = new HashSet<>();
    double area = 0;
    int right = 0;
    double[] precision = new double[found.size()];
    boolean[] hit = new boolean[found.size()];
    for (int i = 0; i < found.size(); i++) {
      hit[i] = takes(found.get(i), outputs, labels, known, taken);
      right += hit[i] ? 1 : 0;
      precision[i] = (double) right / (i + 1);
    }
    double best = 0;
    for (int i = found.size() - 1; i >= 0; i--) {
      best = Math.max(best, precision[i]);
      area += hit[i] ? best / wanted : 0;
    }
    return area;
  }

  private static boolean takes(
      Found found, Outputs outputs, Labels labels, int known, Set<Long> taken) {
    int best = -1;
    double most = OVERLAP_MIN;
    for (int box = 0; box < labels.perItem(); box += LABEL_NUMBERS) {
      if ((int) labels.at(found.item(), box + 4) == known) {
        double overlap = overlap(outputs, labels, found, box);
        if (overlap >= most) {
          most = overlap;
          best = box;
        }
      }
    }
    return best >= 0 && taken.add((long) found.item() * labels.perItem() + best);
  }

  private static double overlap(Outputs outputs, Labels labels, Found found, int box) {
    double[] a = new double[4];
    double[] b = new double[4];
    for (int i = 0; i < 4; i++) {
      a[i] = outputs.at(found.item(), found.box() + i);
      b[i] = labels.at(found.item(), box + i);
    }
    double width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
    double height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    double shared = Math.max(0, width) * Math.max(0, height);
    double all = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
    return all <= 0 ? 0 : shared / all;
  }
}
