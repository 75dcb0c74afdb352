BEGIN TRANSACTION;
CREATE TABLE annotation (
	id CHAR(32) NOT NULL, 
	state TEXT NOT NULL, 
	text TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	tags TEXT NOT NULL, 
	urls TEXT NOT NULL, 
	event_id CHAR(32) NOT NULL, 
	content_id CHAR(32) NOT NULL, 
	creator TEXT NOT NULL, 
	"key" TEXT, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (creator, "key"), 
	FOREIGN KEY(event_id) REFERENCES event (id), 
	FOREIGN KEY(content_id) REFERENCES event (id)
);
INSERT INTO "annotation" VALUES('01a21624f7f576d4b83c1a4f2d1a7c85','live','Zero point is off.',20,'["rule"]','[]','01a21624f7fb77c8989d4cad47a42698','01a21624f7fb77c8989d4cad47a42698','zero-point-bot','night 1',117680890724548608);
INSERT INTO "annotation" VALUES('01a21624f80072e0ba5a35e350a05196','live','Fine, really.',30,'["looked_at"]','["https://site/ticket/1"]','01a21624f806776886c69f0a018b5dc3','01a21624f806776886c69f0a018b5dc3','alice',NULL,117680890725335040);
INSERT INTO "annotation" VALUES('01a21624f8077324827051f21d365a68','retracted','x',20,'[]','[]','01a21624f80a7548a447ccc6675773f1','01a21624f808758c8dbf4589ddce263b','alice',NULL,117680890725793792);
INSERT INTO "annotation" VALUES('01a21624f80c744390eb4cafe697a84c','live','',20,'[]','[]','01a21624f80f7084870b6feb01aeffa6','01a21624f80f7084870b6feb01aeffa6','bruno',NULL,117680890726055936);
CREATE TABLE assertion (
	target_key TEXT NOT NULL, 
	flag TEXT NOT NULL, 
	event_id CHAR(32) NOT NULL, 
	annotation_id CHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	whole BOOLEAN NOT NULL, 
	position INTEGER NOT NULL, 
	live BOOLEAN NOT NULL, 
	PRIMARY KEY (target_key, flag, event_id), 
	FOREIGN KEY(annotation_id, target_key) REFERENCES target (annotation_id, "key"), 
	FOREIGN KEY(event_id) REFERENCES event (id)
);
INSERT INTO "assertion" VALUES('dimension:{"instrument":"LSSTCam","visit":1}','questionable','01a21624f7fb77c8989d4cad47a42698','01a21624f7f576d4b83c1a4f2d1a7c85',3,'set','off by 0.2 mag',1,0,1);
INSERT INTO "assertion" VALUES('dimension:{"instrument":"LSSTCam","visit":2}','questionable','01a21624f7fb77c8989d4cad47a42698','01a21624f7f576d4b83c1a4f2d1a7c85',3,'set','off by 0.2 mag',1,0,1);
INSERT INTO "assertion" VALUES('dimension:{"instrument":"LSSTCam","visit":1}','questionable','01a21624f8017039aa4805ce93471e2a','01a21624f80072e0ba5a35e350a05196',1,'clear','',1,0,1);
INSERT INTO "assertion" VALUES('dataset:01a2043d-8f5d-7111-ab0a-4037d4db5640','junk','01a21624f808758c8dbf4589ddce263b','01a21624f8077324827051f21d365a68',1,'set','',1,0,1);
INSERT INTO "assertion" VALUES('collection:[null,"u/me/run"]','junk','01a21624f808758c8dbf4589ddce263b','01a21624f8077324827051f21d365a68',1,'set','',1,0,1);
INSERT INTO "assertion" VALUES('timespan:["LATISS",1800000000000000,1800000060000000]','junk','01a21624f808758c8dbf4589ddce263b','01a21624f8077324827051f21d365a68',1,'set','',1,0,1);
INSERT INTO "assertion" VALUES('dimension:{"instrument":"LSSTCam","visit":2}','clouds','01a21624f80f7084870b6feb01aeffa6','01a21624f80c744390eb4cafe697a84c',1,'clear','',1,0,1);
INSERT INTO "assertion" VALUES('dimension:{"instrument":"LSSTCam","visit":2}','clouds','01a21624f80c744390eb4cb0924212ee','01a21624f80c744390eb4cafe697a84c',1,'set','',1,1,0);
INSERT INTO "assertion" VALUES('dimension:{"instrument":"LSSTCam","visit":2}','questionable','01a21624f80c744390eb4cb0924212ee','01a21624f80c744390eb4cafe697a84c',1,'set','',1,0,0);
CREATE TABLE event (
	id CHAR(32) NOT NULL, 
	origin TEXT NOT NULL, 
	origin_seq BIGINT NOT NULL, 
	hlc BIGINT NOT NULL, 
	recorded_at BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	actor_kind TEXT NOT NULL, 
	on_behalf_of TEXT, 
	agent TEXT, 
	agent_version TEXT, 
	kind TEXT NOT NULL, 
	annotation_id CHAR(32) NOT NULL, 
	parents TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (origin, origin_seq)
);
INSERT INTO "event" VALUES('01a21624f7fb77c8989d4cad47a42698','summit',1,117680890724548608,1795667888253927,'zero-point-bot','bot',NULL,'gnomon','0.1','add','01a21624f7f576d4b83c1a4f2d1a7c85','[]','{"flags":[{"flag":"questionable","reason":"off by 0.2 mag","state":"set","target":null,"version":3}],"key":"night 1","level":20,"tags":["rule"],"targets":[{"data_id":{"instrument":"LSSTCam","visit":1},"element":"visit","kind":"dimension"},{"data_id":{"instrument":"LSSTCam","visit":2},"element":"visit","kind":"dimension"}],"text":"Zero point is off.","urls":[]}','0059358eeb9fbe67817ab9784a30b91174d80e803b8ef378bdc6b406c28086be');
INSERT INTO "event" VALUES('01a21624f8017039aa4805ce93471e2a','summit',2,117680890725335040,1795667888265177,'alice','human',NULL,NULL,NULL,'add','01a21624f80072e0ba5a35e350a05196','["01a21624-f7fb-77c8-989d-4cad47a42698"]','{"flags":[{"flag":"questionable","reason":"","state":"clear","target":null,"version":1}],"level":30,"tags":[],"targets":[{"data_id":{"instrument":"LSSTCam","visit":1},"element":"visit","kind":"dimension"}],"text":"Fine: thin \"cirrus\", 100% é.","urls":["https://site/ticket/1"]}','60ae12250517fc29b3fec320cd1e10dfadde2f33f5177bd45248eaa2a76f7365');
INSERT INTO "event" VALUES('01a21624f806776886c69f0a018b5dc3','summit',3,117680890725597184,1795667888269800,'bruno','human',NULL,NULL,NULL,'edit','01a21624f80072e0ba5a35e350a05196','["01a21624-f801-7039-aa48-05ce93471e2a"]','{"tags":["looked_at"],"text":"Fine, really."}','6ec30192eefff912ea8969fc93b589e780311758970d00750e964cc64701a809');
INSERT INTO "event" VALUES('01a21624f808758c8dbf4589ddce263b','summit',4,117680890725793792,1795667888272081,'alice','human',NULL,NULL,NULL,'add','01a21624f8077324827051f21d365a68','[]','{"flags":[{"flag":"junk","reason":"","state":"set","target":null,"version":1}],"level":20,"tags":[],"targets":[{"dataset_id":"01a2043d-8f5d-7111-ab0a-4037d4db5640","kind":"dataset","repository":"main"},{"kind":"collection","name":"u/me/run"},{"begin":1800000000000000,"data_id":{"instrument":"LATISS"},"end":1800000060000000,"kind":"timespan"}],"text":"x","urls":[]}','7936ac13b9c4aa59b0a44e41a1aa270f3a1dbc1f8187645d8971a7a3a991f1c1');
INSERT INTO "event" VALUES('01a21624f80a7548a447ccc6675773f1','summit',5,117680890725924864,1795667888274335,'alice','human',NULL,NULL,NULL,'retract','01a21624f8077324827051f21d365a68','["01a21624-f808-758c-8dbf-4589ddce263b"]','{"reason":"wrong night"}','24766a56bb8ecc44fa05a3658ded55e66ad9af64b8abc27ba75ed5aff82d1d52');
INSERT INTO "event" VALUES('01a21624f80c744390eb4cb0924212ee','summit',6,117680890726055936,1795667888276275,'bruno','human',NULL,NULL,NULL,'add','01a21624f80c744390eb4cafe697a84c','[]','{"flags":[{"flag":"questionable","reason":"","state":"set","target":null,"version":1},{"flag":"clouds","reason":"","state":"set","target":null,"version":1}],"level":20,"tags":[],"targets":[{"data_id":{"instrument":"LSSTCam","visit":2},"element":"visit","kind":"dimension"}],"text":"","urls":[]}','2345afb513e99feaada7423b19492f47bb966c48af09d7192131ec561a287192');
INSERT INTO "event" VALUES('01a21624f80f7084870b6feb01aeffa6','summit',7,117680890726187008,1795667888278811,'bruno','human',NULL,NULL,NULL,'edit','01a21624f80c744390eb4cafe697a84c','["01a21624-f80c-7443-90eb-4cb0924212ee"]','{"flags":[{"flag":"clouds","reason":"","state":"clear","target":null,"version":1}]}','d109405a376d7a6f74c13f25f8f081c28217237e9d58b5e98d4cd43f2fbc3b29');
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('format','gnomon annotations');
INSERT INTO "meta" VALUES('schema_version','1');
CREATE TABLE target (
	annotation_id CHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	repository TEXT, 
	dataset_id CHAR(32), 
	name TEXT, 
	element TEXT, 
	data_id TEXT, 
	"begin" BIGINT, 
	"end" BIGINT, 
	PRIMARY KEY (annotation_id, "key"), 
	FOREIGN KEY(annotation_id) REFERENCES annotation (id)
);
INSERT INTO "target" VALUES('01a21624f7f576d4b83c1a4f2d1a7c85','dimension:{"instrument":"LSSTCam","visit":1}',0,'dimension',NULL,NULL,NULL,'visit','{"instrument":"LSSTCam","visit":1}',NULL,NULL);
INSERT INTO "target" VALUES('01a21624f7f576d4b83c1a4f2d1a7c85','dimension:{"instrument":"LSSTCam","visit":2}',1,'dimension',NULL,NULL,NULL,'visit','{"instrument":"LSSTCam","visit":2}',NULL,NULL);
INSERT INTO "target" VALUES('01a21624f80072e0ba5a35e350a05196','dimension:{"instrument":"LSSTCam","visit":1}',0,'dimension',NULL,NULL,NULL,'visit','{"instrument":"LSSTCam","visit":1}',NULL,NULL);
INSERT INTO "target" VALUES('01a21624f8077324827051f21d365a68','dataset:01a2043d-8f5d-7111-ab0a-4037d4db5640',0,'dataset','main','01a2043d8f5d7111ab0a4037d4db5640',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "target" VALUES('01a21624f8077324827051f21d365a68','collection:[null,"u/me/run"]',1,'collection',NULL,NULL,'u/me/run',NULL,NULL,NULL,NULL);
INSERT INTO "target" VALUES('01a21624f8077324827051f21d365a68','timespan:["LATISS",1800000000000000,1800000060000000]',2,'timespan',NULL,NULL,NULL,NULL,'{"instrument":"LATISS"}',1800000000000000,1800000060000000);
INSERT INTO "target" VALUES('01a21624f80c744390eb4cafe697a84c','dimension:{"instrument":"LSSTCam","visit":2}',0,'dimension',NULL,NULL,NULL,'visit','{"instrument":"LSSTCam","visit":2}',NULL,NULL);
CREATE INDEX ix_event_hlc ON event (hlc);
CREATE INDEX ix_event_annotation_id ON event (annotation_id);
CREATE INDEX ix_annotation_created ON annotation (created);
CREATE INDEX ix_target_key ON target ("key");
CREATE INDEX ix_assertion_annotation_id ON assertion (annotation_id);
COMMIT;
