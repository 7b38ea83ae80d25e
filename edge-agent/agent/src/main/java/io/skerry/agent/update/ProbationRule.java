package io.skerry.agent.update;

/**
 * What predictions on probation say about a version. One unlucky prediction does not end it, one
 * lucky one does not save it:
 *
 * <ul>
 *   <li>the first {@link #FIRST_FAILURES} all failed: it failed;
 *   <li>of at least {@link #ANSWERS_MIN} two or more failed, and the lower end of the 95 % Wilson
 *       interval of the failing share is above {@link #SHARE_TOLERATED}: it failed. 2 of 5 are at
 *       least 12 % then, 2 of 100 may still be 0.6 %;
 *   <li>as many as ordered went well, and at most {@link #SHARE_COMMITTED} of all failed: it is
 *       good. So after one failure 19 that went well are needed, however few were ordered;
 *   <li>when the time is over, too few answers are no reproach, but more than {@link
 *       #SHARE_COMMITTED} that failed are: the version before it is known to be better.
 * </ul>
 */
final class ProbationRule {
  static final int FIRST_FAILURES = 3;
  static final int ANSWERS_MIN = 5;
  static final double SHARE_TOLERATED = 0.01;
  static final double SHARE_COMMITTED = 0.05;

  private static final double Z_95 = 1.96;

  private ProbationRule() {}

  enum Verdict {
    GOOD,
    OPEN,
    BAD
  }

  /**
   * The verdict.
   *
   * @param needed predictions that must go well
   * @param timeOver whether no more are waited for
   */
  static Verdict verdict(long good, long failed, int needed, boolean timeOver) {
    long answers = good + failed;
    if (good == 0 && failed >= FIRST_FAILURES) {
      return Verdict.BAD;
    }
    if (failed >= 2 && answers >= ANSWERS_MIN && wilsonLower(failed, answers) > SHARE_TOLERATED) {
      return Verdict.BAD;
    }
    boolean rarelyFailed = failed <= SHARE_COMMITTED * answers;
    if (timeOver) {
      return rarelyFailed ? Verdict.GOOD : Verdict.BAD;
    }
    return good >= needed && rarelyFailed ? Verdict.GOOD : Verdict.OPEN;
  }

  static double wilsonLower(long failed, long answers) {
    double share = (double) failed / answers;
    double square = Z_95 * Z_95 / answers;
    double middle = share + square / 2;
    double half = Z_95 * Math.sqrt(share * (1 - share) / answers + square / (4 * answers));
    return Math.max(0, (middle - half) / (1 + square));
  }
}
