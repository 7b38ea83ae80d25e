package io.skerry.e2e.fault;

import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.SmallDisk;

/**
 * One entry of the catalogue.
 *
 * @param name a few words with dashes, unique
 * @param made how the fault is made
 * @param criterion what must hold besides what {@link Criterion} checks after every fault
 * @param isAlone whether it takes the control plane that the others share
 */
public record Fault(String name, String made, String criterion, boolean isAlone, Run run) {
  /** Lets it happen. */
  interface Run {
    void in(Lab lab, Depth depth, Notes notes) throws Exception;
  }

  /** What happens to one device. */
  interface ToDevice {
    void to(Scene scene, Notes notes) throws Exception;
  }

  /** How many points of a loop are visited. */
  public enum Depth {
    /** A few, the same in every run. */
    SAMPLE,
    /** All. */
    ALL
  }

  /** A fault of one device, after which the usual must hold. */
  static Fault of(String name, String made, String criterion, ToDevice act) {
    return looping(name, made, criterion, depth -> act);
  }

  /** A function of the depth. */
  interface Looping {
    ToDevice at(Depth depth);
  }

  /** A fault of one device at many points. */
  static Fault looping(String name, String made, String criterion, Looping act) {
    return new Fault(
        name,
        made,
        criterion,
        false,
        (lab, depth, notes) -> {
          try (Scene scene = Scene.open(lab, name)) {
            act.at(depth).to(scene, notes);
            Criterion.check(scene, notes, Criterion.Losses.NONE);
          }
        });
  }

  /** A fault that does its own checking. */
  static Fault whole(String name, String made, String criterion, Run run) {
    return new Fault(name, made, criterion, false, run);
  }

  /** The same, while no other happens. */
  Fault alone() {
    return new Fault(name, made, criterion, true, run);
  }

  /** Lets it happen; what goes wrong in the test itself is a broken promise too. */
  public Outcome happen(Lab lab, Depth depth) throws InterruptedException {
    Notes notes = new Notes();
    long start = System.nanoTime();
    try {
      run.in(lab, depth, notes);
    } catch (InterruptedException e) {
      throw e;
    } catch (SmallDisk.NotMountedException e) {
      notes.notRun(String.valueOf(e.getMessage()));
    } catch (Exception | AssertionError e) {
      notes.require(false, "%s", e);
    }
    notes.figure("%.1f s", (System.nanoTime() - start) / 1e9);
    return notes.outcome();
  }
}
