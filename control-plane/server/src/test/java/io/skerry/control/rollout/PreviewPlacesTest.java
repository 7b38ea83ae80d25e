package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ANA;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micronaut.json.JsonMapper;
import io.skerry.api.Page;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutPreview.Place;
import io.skerry.control.web.ProblemException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Everybody that a preview is about, page after page. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PreviewPlacesTest {
  private static final String WISH =
      """
      {"model": "tested", "version": 1, "holdback": 1,
        "stages": [{"percent": 30}, {"percent": 100}]}
      """;

  private final RolloutFleet fleet;

  PreviewPlacesTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.enrol(7, X86);
    fleet.enrol("without", X86, "tflite/cpu");
    fleet.enrol("unknown", null);
  }

  private Page<Place> page(String token, int size) {
    return fleet.rollouts.places(ANA, RolloutFleet.request(WISH), token, size);
  }

  @Test
  void namesEveryDeviceOnceAsTheRolloutWillTakeIt() {
    RolloutPreview preview = fleet.preview(WISH);
    List<Place> all = new ArrayList<>();
    String token = "";
    while (token != null) {
      Page<Place> page = page(token, 4);
      assertThat(page.items()).hasSizeBetween(1, 4);
      all.addAll(page.items());
      token = page.nextPageToken();
    }

    List<Place> expected = new ArrayList<>();
    preview
        .stages()
        .forEach(
            stage ->
                stage
                    .devices()
                    .forEach(one -> expected.add(new Place(one, stage.index(), X86, null))));
    preview
        .outsiders()
        .forEach(one -> expected.add(new Place(one.device(), null, null, one.reason())));
    assertThat(all).isEqualTo(expected).hasSize(9);
  }

  @Test
  void canBeToldInTheAnswer() throws IOException {
    fleet.version(2, Map.of(X86, "onnxruntime"));
    fleet.create(WISH);
    JsonMapper json = fleet.plane.bean(JsonMapper.class);

    assertThat(json.writeValueAsString(page("", 1))).contains("\"stage\":0", X86);
    assertThat(json.writeValueAsString(fleet.preview(WISH.replace("1,", "2,"))))
        .contains("\"superseded\":[{\"rollout\":");
  }

  @Test
  void givesNoPageOfAnotherFleet() {
    String token = String.valueOf(page("", 4).nextPageToken());
    fleet.enrol("newcomer", X86, "onnxruntime/cpu");

    assertThatThrownBy(() -> page(token, 4))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("has changed since the first page");
    assertThatThrownBy(() -> page("4", 4))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("'4' is no nextPageToken of a preview");
  }

  @Test
  void givesNoMoreThanAPageHolds() {
    fleet.sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        select 'many-' || i, 'default', '{}', '{}', 'elsewhere', now()
        from generate_series(1, ?) i
        """,
        RolloutPreview.PLACES_MAX);

    Page<Place> page = page("", Integer.MAX_VALUE);

    assertThat(page.items()).hasSize(RolloutPreview.PLACES_MAX);
    assertThat(page(String.valueOf(page.nextPageToken()), 100).items()).hasSize(9);
  }
}
