package io.skerry.control.overview;

import io.skerry.api.FieldError;
import io.skerry.api.RolloutPreview;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the page of a new rollout shows.
 *
 * @param versions that can be rolled out, newest first
 * @param firsts what can come before the stages by percentage
 * @param chosen of the form
 * @param text the rollout as YAML
 * @param mistakes of the text
 * @param notice what happened instead of what was asked for; empty when nothing did
 * @param preview what the text would do; absent before anybody asked, and while it has mistakes
 * @param seen digest of the text that the preview is of; empty without one
 */
public record NewRollout(
    List<Choice> versions,
    List<Choice> firsts,
    RolloutExample chosen,
    String text,
    List<FieldError> mistakes,
    String notice,
    @Nullable RolloutPreview preview,
    String seen) {
  public NewRollout {
    versions = List.copyOf(versions);
    firsts = List.copyOf(firsts);
    mistakes = List.copyOf(mistakes);
  }

  /** One entry of a list to choose from. */
  public record Choice(String value, String text) {}
}
