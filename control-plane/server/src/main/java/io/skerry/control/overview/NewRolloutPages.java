package io.skerry.control.overview;

import com.google.gson.JsonObject;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.json.JsonMapper;
import io.skerry.api.Cohort;
import io.skerry.api.FieldError;
import io.skerry.api.ModelVersionView;
import io.skerry.api.ModelView;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;
import io.skerry.api.Variant;
import io.skerry.api.VariantState;
import io.skerry.api.document.InvalidDocumentException;
import io.skerry.api.document.RequestDocument;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.overview.NewRollout.Choice;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import io.skerry.control.registry.Registry;
import io.skerry.control.rollout.CohortList;
import io.skerry.control.rollout.Rollouts;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The page on which a rollout is written, looked at and made a draft. It works without script: the
 * text travels with every answer, so that nothing has to be typed again.
 */
@Controller("/rollouts/new")
@Allowed(Role.OPERATOR)
final class NewRolloutPages {
  static final int TEXT_MAX = 65_536;
  private static final int VERSIONS_MAX = 200;
  private static final String TOO_LONG =
      "the text is longer than %d characters, and not shown again: go back to it and cut it"
          .formatted(TEXT_MAX);
  private static final String CHANGED =
      "Nothing was written down yet: the text, the fleet or the rollouts of this version changed"
          + " after the preview. This is what it would do now.";

  // What came of a text.
  private record Looked(
      List<FieldError> mistakes, String notice, @Nullable RolloutPreview preview, String seen) {
    static final Looked NOTHING = new Looked(List.of(), "", null, "");
  }

  private final Rollouts rollouts;
  private final Registry registry;
  private final CohortList cohorts;
  private final JsonMapper json;
  private final Templates templates = new StaticTemplates();

  NewRolloutPages(Rollouts rollouts, Registry registry, CohortList cohorts, JsonMapper json) {
    this.rollouts = rollouts;
    this.registry = registry;
    this.cohorts = cohorts;
    this.json = json;
  }

  @Get
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> page(Actor actor, HttpRequest<?> request) {
    Map<String, String> form = new HashMap<>();
    request.getParameters().forEach((name, values) -> form.put(name, values.getFirst()));
    return answer(HttpStatus.OK, actor, form, "", Looked.NOTHING);
  }

  @Post
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> look(Actor actor, @Body Map<String, String> form) {
    String sent = form.getOrDefault("text", "");
    // Browsers send the line ends of Windows.
    String text = sent.length() > 2 * TEXT_MAX ? sent : sent.replace("\r\n", "\n");
    if (text.length() > TEXT_MAX) {
      return refused(actor, form, "", List.of(new FieldError("", TOO_LONG)));
    }
    boolean creates = "create".equals(form.get("act"));
    try {
      JsonObject document = RequestDocument.ROLLOUT.read("the text", text);
      document.addProperty("draft", true);
      RolloutRequest request = request(document);
      if (creates) {
        String before = form.getOrDefault("seen", "");
        Optional<Rollout> made =
            rollouts.create(actor, request, places -> seen(text, places).equals(before));
        if (made.isPresent()) {
          return HttpResponse.seeOther(URI.create("/rollouts/" + made.get().id()));
        }
      }
      Rollouts.Look look = rollouts.look(actor, request);
      return answer(
          HttpStatus.OK,
          actor,
          form,
          text,
          new Looked(List.of(), creates ? CHANGED : "", look.preview(), seen(text, look.places())));
    } catch (InvalidDocumentException e) {
      return refused(actor, form, text, e.mistakes());
    } catch (ProblemException e) {
      return refused(
          actor,
          form,
          text,
          e.errors().isEmpty()
              ? List.of(new FieldError("", String.valueOf(e.getMessage())))
              : e.errors());
    }
  }

  private static String seen(String text, String places) {
    return Digest.of((places + text).getBytes(StandardCharsets.UTF_8)).hex();
  }

  private RolloutRequest request(JsonObject document) {
    try {
      return json.readValue(document.toString(), Argument.of(RolloutRequest.class));
    } catch (IOException e) {
      // The schema holds, but a number is larger than any that is meant.
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private MutableHttpResponse<String> refused(
      Actor actor, Map<String, String> form, String text, List<FieldError> mistakes) {
    return answer(HttpStatus.BAD_REQUEST, actor, form, text, new Looked(mistakes, "", null, ""));
  }

  private MutableHttpResponse<String> answer(
      HttpStatus status, Actor actor, Map<String, String> form, String text, Looked looked) {
    List<ModelVersionView> packaged =
        registry.models().stream()
            .map(ModelView::versions)
            .flatMap(List::stream)
            .filter(version -> !profiles(version).isEmpty())
            .sorted(Comparator.comparing(ModelVersionView::createdAt).reversed())
            .limit(VERSIONS_MAX)
            .toList();
    List<Choice> versions =
        packaged.stream()
            .map(
                version -> {
                  String name = version.model() + "@" + version.version();
                  return new Choice(
                      name, "%s for %s".formatted(name, String.join(", ", profiles(version))));
                })
            .toList();
    List<Choice> firsts = firsts(packaged);
    RolloutExample chosen = RolloutExample.chosen(form, versions, firsts);
    boolean begins = text.isEmpty() && looked.equals(Looked.NOTHING) && !versions.isEmpty();
    NewRollout shown =
        new NewRollout(
            versions,
            firsts,
            chosen,
            begins ? chosen.text() : text,
            looked.mistakes(),
            looked.notice(),
            looked.preview(),
            looked.seen());
    return PageHeaders.on(
        HttpResponse.<String>status(status)
            .body(templates.newrolloutpage(shown, actor.name()).render()));
  }

  private List<Choice> firsts(List<ModelVersionView> versions) {
    List<Choice> firsts = new ArrayList<>();
    firsts.add(new Choice("", "nobody: percentages only"));
    for (Cohort cohort : cohorts.all()) {
      firsts.add(
          new Choice(
              "cohort:" + cohort.name(),
              "cohort %s (%s)".formatted(cohort.name(), Words.count(cohort.devices(), "device"))));
    }
    Set<String> profiles = new TreeSet<>();
    versions.forEach(version -> profiles.addAll(profiles(version)));
    profiles.forEach(profile -> firsts.add(new Choice("profile:" + profile, "profile " + profile)));
    return firsts;
  }

  private static List<String> profiles(ModelVersionView version) {
    return version.variants().stream()
        .filter(variant -> variant.state() == VariantState.RELEASED)
        .map(Variant::profile)
        .distinct()
        .sorted()
        .toList();
  }
}
