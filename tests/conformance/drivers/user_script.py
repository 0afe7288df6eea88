"""Runs in the official client's own virtual environment: the user's script, and every call behind it.

Prints one JSON object with what the client handed to its user. Arguments: a prefix for names, and the path of a local image.
"""

import json
import sys
import time
import urllib.request
import warnings

import nucleus
import nucleus.async_job
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult

warnings.simplefilter("ignore")
prefix, image = sys.argv[1], sys.argv[2]
seen = {}

# The client sleeps five seconds per look at a job, finished or not: shortened here, in the driver only.
real_sleep = time.sleep
nucleus.async_job.time.sleep = lambda seconds: real_sleep(min(seconds, 0.05))


def refused(call):
    """Status and text of the error that a call ends with."""
    try:
        call()
    except nucleus.NucleusAPIError as error:
        return [error.status_code, error.message.partition("The detailed error is:\n")[2]]
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


def wait(answer):
    """Wait for the job, in the generation that answers with one."""
    if hasattr(answer, "sleep_until_complete"):
        answer.sleep_until_complete(verbose_std_out=False)
        return answer.status()
    return answer.json()


client = nucleus.NucleusClient()
dataset = client.create_dataset(prefix + "dataset", is_scene=False)
refs = [f"aec019e2/93ce64eb {i}.jpg" for i in range(25)]
urls = [f"https://example.com/images/{i}.jpg" for i in range(25)]
items = [DatasetItem(image_location=u, reference_id=r, metadata={"n": {"a": [1, None]}}) for u, r in zip(urls, refs)]
seen["append"] = wait(dataset.append(items))
again = client.get_dataset(dataset.id)
seen["append_again"] = wait(again.append(items[:3], update=True))
local = [DatasetItem(image_location=image, reference_id=f"local-{i}") for i in range(12)]
seen["append_local"] = wait(again.append(local))
if hasattr(nucleus, "UploadResponse"):
    job = dataset.append([DatasetItem(image_location=urls[0], reference_id="async")], asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    seen["append_async"] = job.status()
seen["dataset"] = [again.name, again.is_scene, again.use_privacy_mode, again.size, len(again.items)]
first = again.refloc(refs[0])
seen["item"] = [first["item"].image_location, first["item"].metadata, first["item"].reference_id, first["annotations"]]
seen["iloc"] = again.iloc(1)["item"].reference_id
with (
    urllib.request.urlopen(again.refloc("local-0")["item"].image_location, timeout=10) as answer,
    open(image, "rb") as original,
):
    seen["local_image"] = [answer.read() == original.read(), answer.headers["content-type"]]
seen["listed"] = dataset.id in [d.id for d in client.datasets]
seen["items_generator"] = [i.reference_id for i in again.items_generator(page_size=10)][:25] == refs

part = dataset.create_slice(prefix + "slice", refs[:20])
seen["slice"] = [part.name, part.dataset_id == dataset.id, len(part.items), part.items[0] == items[0]]
seen["slice_append"] = part.append(refs[18:22])["new_items"]
seen["slices"] = [part.id in [s.id for s in client.slices], [s.id for s in dataset.slices] == [part.id]]
model = client.create_model(prefix + "model", prefix + "model-ref", metadata={"k": 1})
rival = client.create_model(prefix + "rival", prefix + "rival-ref")
seen["models"] = [client.get_model(model.id) == model, rival in client.models, rival.metadata]

public = client.validate.eval_functions.public_functions
seen["public"] = sorted(public)
client.validate.create_external_eval_function(prefix + "custom_mAP_fn")
eval_fn = client.validate.eval_functions.external_functions[prefix + "custom_mAP_fn"]
second_fn = client.validate.create_external_eval_function(prefix + "second")
seen["taken"] = refused(lambda: client.validate.create_external_eval_function(prefix + "custom_mAP_fn"))
sc_test = client.validate.create_scenario_test(prefix + "test", part.id, [eval_fn])
results = [EvaluationResult(item_ref_id=r, score=0.9 - 0.01 * i, weight=0.5) for i, r in enumerate(refs[:22])]
seen["upload"] = sc_test.upload_external_evaluation_results(eval_fn, results, model.id)
seen["replay"] = sc_test.upload_external_evaluation_results(eval_fn, results, model.id)["replayed"]
seen["baseline"] = sc_test.set_baseline_model(model.id) == model.id
worse = [EvaluationResult(item_ref_id=r, score=0.5) for r in refs[:22]]
sc_test.upload_external_evaluation_results(eval_fn, worse, rival.id)
history = sc_test.get_eval_history()
seen["history"] = [[e.model_id == m.id, e.status.value, e.result, e.passed] for e, m in zip(history, (model, rival))]
evals = history[0].item_evals
seen["item_evals"] = [len(evals), evals[0].evaluation_id == history[0].id, evals[0].result, evals[0].passed]
(metric,) = sc_test.get_eval_functions()
seen["no_threshold"] = [metric.threshold, metric.threshold_comparison, metric.eval_func_arguments]
metric.set_threshold(0.5)
seen["threshold"] = [metric.threshold, [e.passed for e in sc_test.get_eval_history()]]
added = sc_test.add_eval_function(client.validate.eval_functions.external_functions[prefix + "second"])
seen["added"] = [added in sc_test.get_eval_functions(), added.threshold, second_fn.id == added.eval_function_id]
got = client.validate.get_scenario_test(sc_test.id)
seen["test"] = [got.name, got.slice_id == part.id, sc_test.id in [t.id for t in client.validate.scenario_tests]]
items_of_test = sc_test.get_items()
seen["items"] = [len(items_of_test), items_of_test[0].image_location, items_of_test[0] in items]

seen["mixed"] = refused(lambda: sc_test.add_eval_function(public["bbox_iou"]))
seen["evaluate"] = refused(lambda: client.validate.evaluate_model_on_scenario_tests(model.id, [sc_test.name]))
seen["unknown_model"] = refused(lambda: sc_test.set_baseline_model("prj_unknown"))
seen["unknown_id"] = refused(
    lambda: sc_test.upload_external_evaluation_results(
        eval_fn, [EvaluationResult(item_ref_id="nobody", score=1.0)], model.id
    )
)
seen["repeated_id"] = refused(
    lambda: sc_test.upload_external_evaluation_results(
        eval_fn, [EvaluationResult(item_ref_id=refs[0], score=s) for s in (0.0, 1.0)], model.id
    )
)
bad_key = nucleus.NucleusClient(api_key="nv_wrong")
seen["wrong_key"] = refused(lambda: bad_key.datasets)
seen["deleted_test"] = client.validate.delete_scenario_test(sc_test.id)
seen["deleted_item"] = refused(lambda: [dataset.delete_item(refs[24]), dataset.refloc(refs[24])])
client.delete_slice(part.id)
client.delete_model(rival.id)
seen["deleted_dataset"] = client.delete_dataset(dataset.id)
print(json.dumps(seen))
