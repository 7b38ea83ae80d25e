package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Boxes that were found, held against those that are there: mean average precision at an overlap of
 * one half, over the classes that are there.
 *
 * <p>An item's output is boxes of six numbers: left, top, right, bottom, score, class; its label is
 * boxes of five: left, top, right, bottom, class, of which those with a class below 0 are none.
 */
final class Detections {
  static final int OUTPUT_NUMBERS = 6;
  static final int LABEL_NUMBERS = 5;

  private static final double OVERLAP_MIN = 0.5;

  private record Found(int item, int box, float score) {}

  /** The boxes of one class. */
  private static final class OfClass {
    /** The item of each box that is there. */
    private final int[] wanted;

    /** The item of each box that was found, the surest first, and whether it is there. */
    private final int[] found;

    private final boolean[] right;

    OfClass(int[] wanted, int[] found, boolean[] right) {
      this.wanted = wanted;
      this.found = found;
      this.right = right;
    }
  }

  private final List<OfClass> classes;

  private Detections(List<OfClass> classes) {
    this.classes = classes;
  }

  /** Whether an item's label holds a box. */
  static boolean hasBox(Labels labels, int item) {
    for (int box = 0; box + LABEL_NUMBERS <= labels.perItem(); box += LABEL_NUMBERS) {
      if (labels.at(item, box + LABEL_NUMBERS - 1) >= 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * Boxes of as many items as there are labels.
   *
   * @throws IllegalArgumentException if these are no boxes, or no label holds one
   */
  static Detections of(Outputs outputs, Labels labels) {
    if (outputs.perItem() % OUTPUT_NUMBERS != 0 || labels.perItem() % LABEL_NUMBERS != 0) {
      throw new IllegalArgumentException(
          "boxes have %d numbers in outputs and %d in labels, there are %d and %d"
              .formatted(OUTPUT_NUMBERS, LABEL_NUMBERS, outputs.perItem(), labels.perItem()));
    }
    Map<Integer, List<Integer>> wanted = new TreeMap<>();
    Map<Integer, List<Found>> found = new TreeMap<>();
    for (int item = 0; item < labels.count(); item++) {
      for (int box = 0; box < labels.perItem(); box += LABEL_NUMBERS) {
        int known = (int) labels.at(item, box + LABEL_NUMBERS - 1);
        if (known >= 0) {
          wanted.computeIfAbsent(known, none -> new ArrayList<>()).add(item);
        }
      }
      for (int box = 0; box < outputs.perItem(); box += OUTPUT_NUMBERS) {
        float score = outputs.at(item, box + 4);
        if (score > 0) {
          // A class that was computed may be a little less than its number.
          int said = Math.round(outputs.at(item, box + 5));
          found.computeIfAbsent(said, none -> new ArrayList<>()).add(new Found(item, box, score));
        }
      }
    }
    if (wanted.isEmpty()) {
      throw new IllegalArgumentException("no label holds a box");
    }
    List<OfClass> classes = new ArrayList<>();
    wanted.forEach(
        (known, items) -> {
          List<Found> said = found.getOrDefault(known, new ArrayList<>());
          classes.add(ofClass(items, said, outputs, labels, known));
        });
    return new Detections(classes);
  }

  private static OfClass ofClass(
      List<Integer> wanted, List<Found> found, Outputs outputs, Labels labels, int known) {
    found.sort(Comparator.comparingDouble((Found f) -> f.score()).reversed());
    Set<Long> taken = new HashSet<>();
    boolean[] right = new boolean[found.size()];
    for (int i = 0; i < right.length; i++) {
      right[i] = takes(found.get(i), outputs, labels, known, taken);
    }
    return new OfClass(
        wanted.stream().mapToInt(Integer::intValue).toArray(),
        found.stream().mapToInt(Found::item).toArray(),
        right);
  }

  /** Its value where each of so many items counts once. */
  double meanAveragePrecision(int items) {
    int[] once = new int[items];
    Arrays.fill(once, 1);
    return meanAveragePrecision(once);
  }

  /**
   * Its value where items count more than once, or not at all; 0 if none that counts has a box.
   *
   * @param times how often each item counts
   */
  double meanAveragePrecision(int[] times) {
    double sum = 0;
    int present = 0;
    for (OfClass one : classes) {
      int wanted = Arrays.stream(one.wanted).map(item -> times[item]).sum();
      if (wanted > 0) {
        sum += averagePrecision(one, times, wanted);
        present++;
      }
    }
    return present == 0 ? 0 : sum / present;
  }

  private static double averagePrecision(OfClass one, int[] times, int wanted) {
    int found = 0;
    int right = 0;
    for (int i = 0; i < one.found.length; i++) {
      found += times[one.found[i]];
      right += one.right[i] ? times[one.found[i]] : 0;
    }
    double best = 0;
    double area = 0;
    for (int i = one.found.length - 1; i >= 0; i--) {
      for (int time = 0; time < times[one.found[i]]; time++) {
        best = Math.max(best, (double) right / found);
        found--;
        if (one.right[i]) {
          area += best / wanted;
          right--;
        }
      }
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
    int item = found.item();
    return new Corners(
            outputs.at(item, found.box()),
            outputs.at(item, found.box() + 1),
            outputs.at(item, found.box() + 2),
            outputs.at(item, found.box() + 3))
        .overlap(
            new Corners(
                labels.at(item, box),
                labels.at(item, box + 1),
                labels.at(item, box + 2),
                labels.at(item, box + 3)));
  }
}
