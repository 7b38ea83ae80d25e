package io.skerry.agent.serve;

/** Takes feedback for delivery; called by many threads at once. */
public interface FeedbackSink {
  /** What became of it. */
  enum Receipt {
    /** Taken, and joined to a prediction that the device still knew. */
    JOINED,
    /** Taken; the control plane joins it. */
    TAKEN,
    /** Not taken: there is no room now; the client may try again. */
    FULL,
    /** Not taken: the day's bytes for outcomes are used up; the next UTC day has new ones. */
    DAY_FULL
  }

  /** Takes one outcome. */
  Receipt submit(Feedback feedback);
}
