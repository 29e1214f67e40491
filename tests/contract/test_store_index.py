"""What every store promises of searching by meaning."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow import InMemorySaver, entrypoint, task
from nbflow.checkpoint.base import RunKey
from nbflow.errors import InvalidOptionError
from nbflow.store.base import BaseStore, GetOp, Op, PutOp, SearchOp
from nbflow.store.paths import parsed, texts
from nbflow.store.sqlite import SqliteStore
from tests.contract.conftest import MakeStore

WORDS = ("owl", "mouse", "cheese")


def count_words(given: list[str]) -> list[list[float]]:
    """Embed texts by how often some words are in them."""
    return [[float(text.count(word)) for word in WORDS] for text in given]


async def acount_words(given: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return count_words(given)


class Embeddings:
    """As LangChain has them."""

    def embed_documents(self, given: list[str]) -> list[list[float]]:
        return count_words(given)

    def embed_query(self, text: str) -> list[float]:
        return count_words([text])[0]


class AsyncEmbeddings(Embeddings):
    async def aembed_documents(self, given: list[str]) -> list[list[float]]:
        return count_words(given)

    async def aembed_query(self, text: str) -> list[float]:
        return count_words([text])[0]


EMBEDDERS = [count_words, acount_words, lambda given: (acount_words(given), 0)[0], Embeddings(), AsyncEmbeddings()]


def index(**options: Any) -> dict[str, Any]:
    return {"dims": 3, "embed": count_words, **options}


def fill(store: BaseStore) -> None:
    store.put(("n",), "mice", {"text": "mouse and mouse", "more": "cheese"})
    store.put(("n",), "plain", {"text": "owl"}, index=False)
    store.put(("n",), "owls", {"text": "owl owl mouse"})
    store.put(("n",), "nothing", {"text": "rain"})


def found(store: BaseStore, query: str, **options: Any) -> list[tuple[str, float | None]]:
    items = store.search((), query=query, **options)
    return [(item.key, item.score if item.score is None else round(item.score, 3)) for item in items]


@pytest.mark.parametrize("embed", EMBEDDERS)
def test_the_nearest_come_first_and_what_is_not_indexed_last(make_store: MakeStore, embed: Any) -> None:
    store = make_store(index=index(embed=embed, fields=["text"]))
    fill(store)
    assert found(store, "owl") == [("owls", 0.894), ("mice", 0.0), ("nothing", 0.0), ("plain", None)]
    assert found(store, "owl", limit=2, offset=2) == [("nothing", 0.0), ("plain", None)]
    assert found(store, "mouse", filter={"text": "owl"}) == [("plain", None)]


@pytest.mark.parametrize("embed", EMBEDDERS)
def test_async_code_finds_the_same(make_store: MakeStore, embed: Any) -> None:
    store = make_store(index=index(embed=embed))

    async def use() -> list[str]:
        await store.aput(("n",), "mice", {"text": "mouse"})
        await store.aput(("n",), "owls", {"text": "owl"})
        return [item.key for item in await store.asearch((), query="an owl")]

    assert asyncio.run(use()) == ["owls", "mice"]


def test_an_async_embedder_is_awaited_on_the_loop_that_asks(make_store: MakeStore) -> None:
    loops = []

    async def embed(given: list[str]) -> list[list[float]]:
        loops.append(asyncio.get_running_loop())
        return count_words(given)

    store = make_store(index=index(embed=embed))

    async def use() -> asyncio.AbstractEventLoop:
        await store.aput(("n",), "k", {"text": "owl"})
        await store.asearch((), query="owl")
        return asyncio.get_running_loop()

    mine = asyncio.run(use())
    assert loops == [mine, mine]


def test_a_score_is_that_of_the_nearest_text_of_an_item(make_store: MakeStore) -> None:
    store = make_store(index=index(fields=["notes[*].text", "title"]))
    store.put(("n",), "k", {"title": "mouse", "notes": [{"text": "cheese"}, {"text": "owl"}, {"n": 1}]})
    store.put(("n",), "own", {"title": "owl", "body": "mouse"}, index=["body"])
    assert found(store, "owl") == [("k", 1.0), ("own", 0.0)]


def test_an_update_changes_what_an_item_is_found_by(make_store: MakeStore) -> None:
    store = make_store(index=index())
    store.put(("n",), "k", {"text": "owl"})
    store.put(("n",), "k", {"text": "mouse"})
    assert found(store, "owl") == [("k", 0.0)]
    store.put(("n",), "k", {"text": "owl"}, index=False)
    assert found(store, "owl") == [("k", None)]
    store.delete(("n",), "k")
    assert found(store, "owl") == []


def test_a_batch_embeds_each_text_once_and_only_what_it_keeps(make_store: MakeStore) -> None:
    calls = []

    def embed(given: list[str]) -> list[list[float]]:
        calls.append(given)
        return count_words(given)

    store = make_store(index=index(embed=embed, fields=["text"]))
    twice: list[Op] = [PutOp(("n",), key, {"text": "owl"}) for key in "ab"]
    store.batch([PutOp(("n",), "a", {"text": "lost"}), *twice, SearchOp((), query="mouse"), GetOp(("n",), "a")])
    assert calls == [["mouse"], ["owl"]]
    store.put(("n",), "c", {"text": None})
    store.get(("n",), "a")
    store.search((), query="")
    assert len(calls) == 2


def test_searching_by_meaning_needs_an_index_and_says_how_to_make_one(store: BaseStore) -> None:
    with pytest.raises(InvalidOptionError, match=r"query is 'owls', but this store has no index; make it with index="):
        store.search((), query="owls")
    with pytest.raises(InvalidOptionError, match="no index"):
        store.put(("n",), "k", {}, index=["text"])
    store.put(("n",), "k", {}, index=False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dims": 0}, "how many numbers"),
        ({"dims": "3"}, "how many numbers"),
        ({"embed": "openai:small"}, "a function from texts to vectors"),
        ({"fields": "text"}, "list of paths"),
        ({"fields": ["a[x]"]}, r"path 'a\[x\]'"),
        ({"field": ["a"]}, "dims, embed and maybe fields"),
    ],
)
def test_an_index_that_can_not_be_is_refused_at_once(make_store: MakeStore, options: Any, told: str) -> None:
    with pytest.raises(InvalidOptionError, match=told):
        make_store(index=index(**options))


@pytest.mark.parametrize("given", [True, "text", ["a..b"], [3]])
def test_paths_that_can_not_be_are_refused_by_a_put(make_store: MakeStore, given: Any) -> None:
    store = make_store(index=index())
    with pytest.raises(InvalidOptionError, match="path"):
        store.put(("n",), "k", {"text": "owl"}, given)
    assert store.list_namespaces() == []


@pytest.mark.parametrize(
    ("embed", "told"),
    [
        (lambda given: [[1.0, 2.0] for _ in given], r"vectors of 2 numbers.*dims.* 3"),
        (lambda given: [[1.0, 2.0, 3.0]] * 5, "5 vectors for 1 texts"),
        (lambda given: None, "list of lists of numbers"),
        (lambda given: [0.5, 0.5, 0.5], "list of lists of numbers"),
        (lambda given: [[1.0, 2.0, float("nan")]], "nan or inf"),
    ],
)
def test_what_an_embedder_should_not_return_is_told(make_store: MakeStore, embed: Any, told: str) -> None:
    store = make_store(index=index(embed=embed))
    for use in (lambda: store.put(("n",), "k", {"text": "owl"}), lambda: store.search((), query="owl")):
        with pytest.raises(InvalidOptionError, match=told):
            use()
    assert store.list_namespaces() == []


def test_an_embedder_that_fails_leaves_the_store_as_it_was(make_store: MakeStore) -> None:
    async def embed(given: list[str]) -> Any:
        raise ConnectionError("no service")

    store = make_store(index=index(embed=embed))
    with pytest.raises(ConnectionError, match="no service"):
        store.put(("n",), "k", {"text": "owl"})
    assert store.list_namespaces() == []


def test_numpy_changes_no_score(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(index=index(embed=lambda given: [[len(text), 1, -2.5] for text in given]))
    for n in range(5):
        store.put(("n",), n, {"text": "x" * n * n, "more": [n, "y"]}, index=["text", "more[*]"])
    with_numpy = found(store, "xyz")
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert found(store, "xyz") == with_numpy
    assert len({score for _, score in with_numpy}) > 1


def test_vectors_of_numpy_are_vectors(make_store: MakeStore) -> None:
    numpy = pytest.importorskip("numpy")
    store = make_store(index=index(embed=lambda given: numpy.array(count_words(given), dtype="f4")))
    store.put(("n",), "k", {"text": "owl"})
    assert found(store, "owl") == [("k", 1.0)]


def test_vectors_of_another_size_in_the_file_are_told(tmp_path: Path) -> None:
    with SqliteStore.from_conn_string(tmp_path / "s.db", index={"dims": 3, "embed": count_words}) as store:
        store.put(("n",), "old", {"text": "owl"})
    with SqliteStore.from_conn_string(tmp_path / "s.db", index={"dims": 1, "embed": lambda given: [[1]]}) as store:
        with pytest.raises(InvalidOptionError, match=r"vectors of 1 numbers, but item 'old' in \('n',\) of 3"):
            store.search((), query="owl")
        store.put(("n",), "old", {"text": "owl"})
        assert found(store, "owl") == [("old", 1.0)]


def test_a_body_on_the_runtimes_loop_is_told_to_await(make_store: MakeStore) -> None:
    store = make_store(index=index(embed=acount_words))

    @task
    async def remember() -> None:
        store.put(("n",), "k", {"text": "owl"})

    @task
    async def aremember() -> str:
        await store.aput(("n",), "k", {"text": "owl"})
        return (await store.asearch((), query="owl"))[0].key

    @entrypoint()
    def body(wrong: bool) -> Any:
        return (remember() if wrong else aremember()).result()

    with pytest.raises(InvalidOptionError, match=r"await store\.aput"):
        body.invoke(True)
    assert body.invoke(False) == "k"


def test_a_sync_put_with_an_async_embedder_is_no_branch_of_the_body_that_asks(make_store: MakeStore) -> None:
    store, saver = make_store(index=index(embed=acount_words)), InMemorySaver()

    @task
    async def name() -> str:
        return "owl"

    async def named() -> str:
        return await name()

    @entrypoint(checkpointer=saver)
    async def body(_: int) -> str:
        store.put(("n",), "k", {"text": "owl"})
        return await asyncio.create_task(named())

    asyncio.run(body.ainvoke(1, {"configurable": {"thread_id": "t"}}))
    paths = [row.path for row in saver.rows(RunKey("t", saver.runs("t")[0]))]
    assert "0.b0.0" in paths


VALUE = {"a": {"b": "ab"}, "list": [{"c": "x"}, {"c": "y", "d": 3}], "flag": True, "none": None, "blank": " "}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", ["ab"]),
        ("$.a.b", ["ab"]),
        ("list[0].c", ["x"]),
        ("list[-1].c", ["y"]),
        ("list[7].c", []),
        ("list[*].c", ["x", "y"]),
        ("list[*].{c,d}", ["x", "y", "3"]),
        ("{a.b,list[0].c}", ["ab", "x"]),
        ("a.*", ["ab"]),
        ("a", ['{"b": "ab"}']),
        ("flag", ["true"]),
        ("none", []),
        ("blank", []),
        ("nowhere.else", []),
        ("a[0]", []),
        ("list.c", []),
    ],
)
def test_a_path_leads_to_texts(path: str, expected: list[str]) -> None:
    assert texts(VALUE, (parsed(path, "put()"),)) == expected


def test_the_whole_value_is_its_json() -> None:
    assert texts({"b": "ö", "a": 1}, (parsed("$", "put()"),)) == ['{"a": 1, "b": "ö"}']
    assert texts({"a": {1: {2}, "b": 3}}, (parsed("$", "put()"),)) == ["{'a': {1: {2}, 'b': 3}}"]


@pytest.mark.parametrize("path", ["", ".a", "a.", "a..b", "a[", "a[]", "a[1.5]", "{a", "{}", "{a,}", "a}b", "a,b", 3])
def test_a_path_that_can_not_be_read_is_refused(path: Any) -> None:
    with pytest.raises(InvalidOptionError, match="paths look like"):
        parsed(path, "put()")
