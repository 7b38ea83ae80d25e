package io.skerry.control.ingest;

import java.util.List;

/** Feedback was stored; published after the commit, in the order of arrival. */
public record FeedbackStored(List<StoredFeedback> feedback) {
  public FeedbackStored {
    feedback = List.copyOf(feedback);
  }
}
