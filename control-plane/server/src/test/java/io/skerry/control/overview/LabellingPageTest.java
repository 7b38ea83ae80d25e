package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.skerry.control.TestControlPlane;
import io.skerry.control.sql.Database;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The labelling queue as somebody works it off who never touches the mouse. */
@Tag("slow")
class LabellingPageTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @BeforeEach
  void forgetWhatOthersQueued() {
    sql("delete from label_task");
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        values ('labelled', 'default', '{}', '{}', now())
        """);
  }

  @AfterEach
  void forget() {
    sql("delete from label_task");
    sql("delete from telemetry_prediction where device = 'labelled'");
    sql("delete from telemetry_feedback where device = 'labelled'");
    sql("delete from device where id = 'labelled'");
  }

  private void queue(int tasks) {
    for (int task = 0; task < tasks; task++) {
      predict("p-" + task);
      sql(
          """
          insert into label_task (device, prediction_id, model, version, at, score, predicted,
            reason, state, queued_at)
          values ('labelled', ?, 'm', 1, now(), .5, 7, 'low confidence', 'OPEN', now())
          """,
          "p-" + task);
    }
  }

  // A task whose prediction is gone is one that nobody needs.
  private void predict(String prediction) {
    sql(
        """
        insert into telemetry_prediction (device, prediction_id, subject, slot, model, version, at,
          stratum, inclusion_probability)
        values ('labelled', ?, '', 'main', 'm', 1, now(), 'base', 1)
        """,
        prediction);
  }

  private Browser opened(Path folder, int tasks) throws Exception {
    queue(tasks);
    Browser browser = Browser.start(folder);
    browser.open(plane.url().resolve("/?token=" + plane.token()));
    browser.open(plane.url().resolve("/labelling"));
    browser.until("document.readyState === 'complete'");
    return browser;
  }

  private static void waiting(Browser browser, int tasks) {
    browser.until(
        "document.readyState === 'complete' && document.body.textContent.includes('%s waiting')"
            .formatted(Words.count(tasks, "prediction")));
  }

  private List<String> decided() {
    return plane
        .bean(Database.class)
        .call(
            transaction ->
                transaction.list(
                    """
                    select prediction_id, state, label, decided_by from label_task
                    where state <> 'OPEN' order by id
                    """,
                    row ->
                        "%s %s %s by %s"
                            .formatted(
                                row.text("prediction_id"),
                                row.text("state"),
                                row.optionalNumber("label").orElse(Double.NaN),
                                row.text("decided_by"))));
  }

  @Test
  void isWorkedOffByKeys(@TempDir Path folder) throws Exception {
    try (Browser browser = opened(folder, 5)) {
      browser.press("a");
      waiting(browser, 4);
      browser.press("3");
      waiting(browser, 3);
      browser.press("c");
      browser.type("12.5");
      browser.press("Enter");
      waiting(browser, 2);
      browser.press("r");
      waiting(browser, 1);
      browser.tabTo("[value=accept]");
      browser.press("Enter");
      browser.until("document.body.textContent.includes('Nothing waits')");

      assertThat(decided())
          .containsExactly(
              "p-0 ACCEPTED 7.0 by admin",
              "p-1 CORRECTED 3.0 by admin",
              "p-2 CORRECTED 12.5 by admin",
              "p-3 REJECTED NaN by admin",
              "p-4 ACCEPTED 7.0 by admin");
      assertThat(
              plane
                  .bean(Database.class)
                  .<Long>call(
                      transaction ->
                          transaction.number(
                              """
                              select count(*) from telemetry_feedback
                              where device = 'labelled' and actual in (3, 7, 12.5)
                              """)))
          .as("what was said is an outcome")
          .isEqualTo(4);
    }
  }

  @Test
  void takesAKeyThatIsHeldForOne(@TempDir Path folder) throws Exception {
    try (Browser browser = opened(folder, 12)) {
      browser.hold("a", 8);
      waiting(browser, 11);
      browser.hold("r", 8);
      waiting(browser, 10);
      browser.press("5");
      waiting(browser, 9);

      assertThat(decided())
          .containsExactly(
              "p-0 ACCEPTED 7.0 by admin",
              "p-1 REJECTED NaN by admin",
              "p-2 CORRECTED 5.0 by admin");
    }
  }

  @Test
  void decidesNothingWhileALabelIsTyped(@TempDir Path folder) throws Exception {
    try (Browser browser = opened(folder, 2)) {
      browser.press("c");
      browser.press("Enter");
      browser.type("ra");
      browser.press("Enter");
      assertThat(browser.read("document.getElementById('decide').elements.label.value"))
          .isEqualTo("ra");
      assertThat(browser.read("document.getElementById('decide').checkValidity()"))
          .as("a word is no label")
          .isEqualTo("false");
      assertThat(browser.read("location.pathname")).isEqualTo("/labelling");
      assertThat(decided()).isEmpty();

      browser.press("Escape");
      browser.press("r");
      waiting(browser, 1);
      assertThat(decided()).containsExactly("p-0 REJECTED NaN by admin");
    }
  }

  @Test
  void acceptsNothingThatWasNotPredictedAndTakesAnAmountOfSeveralDigits(@TempDir Path folder)
      throws Exception {
    predict("unsaid");
    sql(
        """
        insert into label_task (device, prediction_id, model, version, at, reason, state, queued_at)
        values ('labelled', 'unsaid', 'm', 1, now(), 'asked', 'OPEN', now())
        """);
    try (Browser browser = opened(folder, 0)) {
      waiting(browser, 1);
      browser.press("a");
      browser.press("4");
      browser.type("2.5");
      browser.press("Enter");
      browser.until("document.body.textContent.includes('Nothing waits')");

      assertThat(decided()).containsExactly("unsaid CORRECTED 42.5 by admin");
    }
  }

  @Test
  void goesOnWhereSomebodyElseWasFaster(@TempDir Path folder) throws Exception {
    try (Browser browser = opened(folder, 2)) {
      sql(
          """
          update label_task set state = 'REJECTED', decided_by = 'ben', decided_at = now()
          where prediction_id = 'p-0'
          """);
      browser.press("a");
      waiting(browser, 1);

      assertThat(browser.read("document.querySelector('[role=alert]').textContent"))
          .contains("was rejected by ben already");
      browser.press("a");
      browser.until("document.body.textContent.includes('Nothing waits')");
      assertThat(decided()).containsExactly("p-0 REJECTED NaN by ben", "p-1 ACCEPTED 7.0 by admin");
    }
  }

  @Test
  void tellsOnThePageWhatCannotBe() {
    queue(1);
    String task = "/labelling/label-" + id();

    HttpResponse<String> empty = form(plane.token(), task, "decision=correct&label=");
    HttpResponse<String> word = form(plane.token(), task, "decision=correct&label=cat");

    assertThat(empty.statusCode()).isEqualTo(400);
    assertThat(empty.body()).contains("role=\"alert\"", "say what it was: label is missing");
    assertThat(word.body()).contains("role=\"alert\"", "'cat' is no number", "value=\"cat\"");
    assertThat(decided()).isEmpty();
  }

  @Test
  void keepsWhatWasTypedForItsOwnTaskOnly() {
    queue(2);
    String first = "/labelling/label-" + id();
    sql(
        """
        update label_task set state = 'REJECTED', decided_by = 'ben', decided_at = now()
        where prediction_id = 'p-0'
        """);

    HttpResponse<String> late = form(plane.token(), first, "decision=correct&label=dog");

    assertThat(late.statusCode()).isEqualTo(400);
    assertThat(late.body()).contains("'dog' is no number").doesNotContain("value=\"dog\"");
  }

  @Test
  void asksWhoeverIsNotSignedInToDoSo() {
    HttpResponse<String> page =
        plane.send(
            plane
                .request("/labelling/label-1")
                .header("Accept", "text/html")
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString("decision=reject")));

    assertThat(page.statusCode()).isEqualTo(401);
    assertThat(page.body()).contains("class=\"login\"");
    assertThat(plane.send(plane.request("/labelling").header("Accept", "text/html")).body())
        .contains("class=\"login\"");
  }

  @Test
  void letsViewersLookAndDecideNothing() {
    queue(1);
    String viewer =
        JsonParser.parseString(
                plane
                    .post(
                        "/v1/users",
                        "{\"name\":\"watcher-%d\",\"role\":\"viewer\"}"
                            .formatted(System.nanoTime()))
                    .body())
            .getAsJsonObject()
            .get("token")
            .getAsString();

    String page =
        plane
            .send(plane.request("/labelling").header("Authorization", "Bearer " + viewer).GET())
            .body();

    assertThat(page).contains("labelled", "an operator may").doesNotContain("id=\"decide\"");
    assertThat(form(viewer, "/labelling/label-" + id(), "decision=reject").statusCode())
        .isEqualTo(403);
  }

  private long id() {
    List<Long> ids = new ArrayList<>();
    plane
        .bean(Database.class)
        .run(
            transaction ->
                transaction.forEach(
                    "select id from label_task order by id", row -> ids.add(row.bigint("id"))));
    return ids.getFirst();
  }

  private HttpResponse<String> form(String token, String path, String fields) {
    return plane.send(
        plane
            .request(path)
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(fields)));
  }

  private void sql(String statement, Object... parameters) {
    plane.bean(Database.class).run(transaction -> transaction.update(statement, parameters));
  }
}
