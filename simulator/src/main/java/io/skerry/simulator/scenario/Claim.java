package io.skerry.simulator.scenario;

/**
 * One promise and what came of it.
 *
 * @param required what must be, with its relation, for example {@code = 0}
 */
public record Claim(
    String name, String required, double measured, String unit, boolean held, String detail) {

  /** A figure that must be this. */
  public static Claim exactly(String name, double required, double measured, String unit) {
    return new Claim(name, "= " + text(required), measured, unit, measured == required, "");
  }

  /** The same for counts. */
  public static Claim exactly(String name, long required, long measured, String unit) {
    return exactly(name, (double) required, (double) measured, unit);
  }

  /** A figure that must be this at most. */
  public static Claim atMost(String name, double required, double measured, String unit) {
    return new Claim(name, "<= " + text(required), measured, unit, measured <= required, "");
  }

  /** The same for counts. */
  public static Claim atMost(String name, long required, long measured, String unit) {
    return atMost(name, (double) required, (double) measured, unit);
  }

  /** A figure that must be this at least. */
  public static Claim atLeast(String name, double required, double measured, String unit) {
    return new Claim(name, ">= " + text(required), measured, unit, measured >= required, "");
  }

  /** The same for counts. */
  public static Claim atLeast(String name, long required, long measured, String unit) {
    return atLeast(name, (double) required, (double) measured, unit);
  }

  /** Something that must be so. */
  public static Claim holds(String name, boolean held, String detail) {
    return new Claim(name, "= 1", held ? 1 : 0, "true", held, detail);
  }

  /** The same with what a person wants to know besides. */
  public Claim because(String why) {
    return new Claim(name, required, measured, unit, held, why);
  }

  static String text(double figure) {
    return figure == Math.rint(figure) ? Long.toString((long) figure) : Double.toString(figure);
  }
}
