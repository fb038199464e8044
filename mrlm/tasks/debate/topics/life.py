"""Motions about health, culture and everyday life; the layout is described in the package."""

TEXT = """
sugar_tax: Sweet drinks should be taxed.
+ Children drank {n} percent less sugar after the tax on sweet drinks.
- Families crossed the border for {n} percent of their sweet drinks after the tax.
+ Money from the tax on drinks pays for dentists in schools.
- Money from the tax on drinks comes mostly from the poor.
+ Makers put less sugar into drinks to avoid the tax.
- Makers put sweeteners with unknown effects into drinks to avoid the tax.
= Sugar dissolves in hot tea.
= A straw is a thin tube.

vaccines: Vaccination should be required for school.
+ Measles fell by {n} percent where schools required vaccination.
- Protests rose by {n} percent where schools required vaccination.
+ Sick children who cannot be vaccinated are safe among others who are.
- Healthy children lose their place in class over one missing shot.
+ Required shots reach families who simply forget.
- Required shots make doubtful parents trust doctors less.
= A nurse often wears white shoes.
= Thermometers measure how hot it is.

organ_donation: Everyone should be an organ donor unless they object.
+ Donations rose by {n} percent where donors need not sign up.
- Objections rose by {n} percent where donors need not sign up.
+ Most people want to donate but never fill in the form.
- Many people never learn that they were made donors.
+ Families are spared a hard decision at the bed of the dead.
- Families feel that the state takes what it was not given.
= Kidneys come in pairs.
= Hospitals often have long corridors.

boxing: Boxing should be banned.
+ Of old boxers, {n} of 100 lose their memory.
- Boxing clubs kept {n} of 100 boys away from gangs.
+ In boxing, the aim itself is to hurt the other.
- In boxing, both adults choose the risk freely.
+ Young viewers copy the punches that they see.
- Young boxers learn to control their anger.
= A boxing ring is square.
= Gloves keep hands warm.

museums_free: Museums should be free for everyone.
+ Visits rose by {n} percent when museums became free.
- Museums that became free cut their opening times by {n} percent.
+ Poor children see great art when museums are free.
- Rich tourists save the most when museums are free.
+ Free museums bring guests to shops nearby.
- Free museums cannot pay guards for their pictures.
= Frames are often made of wood.
= Statues can be made of bronze.

electronic_books: Libraries should buy electronic books instead of paper.
+ Electronic books let libraries lend {n} percent more titles.
- Electronic books made libraries pay {n} percent more for licences.
+ Readers with weak eyes can enlarge the letters.
- Readers without a screen are left with nothing.
+ Electronic books need no shelves and no new buildings.
- Electronic books vanish when a seller closes.
= The first books were written by hand.
= A bookmark can be a strip of cloth.

team_sports: Every pupil should play a team sport.
+ Pupils in teams missed {n} percent fewer school days.
- Pupils in teams had {n} percent more broken bones.
+ Shy pupils find friends in a team.
- Shy pupils are laughed at when they lose for a team.
+ Teams teach pupils to lose with grace.
- Teams teach pupils that only winning counts.
= A football is sewn from patches.
= Whistles have a small ball inside.

video_games: Video games are good for children.
+ Children who play video games react {n} percent faster.
- Children who play video games sleep {n} minutes less.
+ Children solve hard puzzles together in video games.
- Children meet strangers who mean harm in video games.
+ Video games teach children to try again after failing.
- Video games teach children to spend money on luck.
= Game pieces were once carved from bone.
= A screen shows many small dots.

advertising_children: Advertising aimed at children should be banned.
+ Without such adverts, children asked for {n} percent fewer sweets.
- Without such adverts, {n} children's channels closed.
+ Small children cannot tell adverts from stories.
- Small children must learn about adverts some day.
+ Parents quarrel less when adverts make no promises.
- Parents learn of useful toys from adverts.
= Posters are glued to walls.
= Toys are sold in colourful boxes.

tipping: Tipping in restaurants should be abolished.
+ Without tips, the wages of waiters varied {n} percent less.
- Without tips, the income of good waiters fell by {n} percent.
+ Guests know the full price when there are no tips.
- Guests can reward kind service when there are tips.
+ Waiters treat all guests alike when nobody tips.
- Waiters hurry less when nobody tips.
= Menus can be long or short.
= Napkins are folded in many ways.

daylight_saving: Changing the clocks twice a year should end.
+ Accidents rise by {n} percent in the week after the clocks change.
- Evening accidents fall by {n} percent in the lighter months.
+ Cows and small children do not understand a new clock.
- Farmers and sports clubs welcome the longer evenings.
+ Changing the clocks no longer saves power.
- Changing the clocks saves power for lamps in the evening.
= Sundials need no battery.
= Some towers have four clocks.

single_sex_schools: Boys and girls should be taught in separate schools.
+ Girls in separate schools chose physics {n} percent more often.
- Boys in separate schools were punished {n} percent more often.
+ Pupils in separate schools speak more freely in class.
- Pupils in separate schools find it hard to work together later.
+ Teachers can suit their examples to one group.
- Teachers strengthen old ideas about what girls can do.
= Blackboards are often green.
= A globe turns on its axis.

celebrity_politicians: Famous actors should stay out of politics.
+ Of famous actors in office, {n} of 100 gave up early.
- Famous actors brought {n} of 100 new voters to the polls.
+ Actors lack the years of training that laws need.
- Actors know how to explain laws so that people listen.
+ Fame hides what a candidate really plans.
- Fame makes a candidate free from rich donors.
= Stages often have a curtain.
= Scripts are printed on paper.

learning_latin: Schools should teach Latin.
+ Pupils with Latin scored {n} percent higher in other languages.
- Pupils with Latin had {n} fewer hours of living languages.
+ Latin words help students of law and medicine.
- Doctors and lawyers learn their few Latin words quickly.
+ Old texts teach pupils how people thought before us.
- Old texts can be read in good translations.
= Roman roads were very straight.
= Togas were made of wool.

city_life: Life in a city is better than life in a village.
+ City people reach a hospital {n} minutes sooner.
- Village people breathe {n} percent less dust.
+ Cities offer work for every kind of skill.
- Villages offer houses that workers can pay for.
+ Theatres and concerts are around the corner in a city.
- Woods and lakes are around the corner in a village.
= Streets have names or numbers.
= Roofs can be flat or steep.

early_school: School should start later in the morning.
+ Pupils slept {n} minutes longer when school started later.
- Parents came to work {n} minutes later when school started later.
+ Grades in the first lesson rise when pupils are awake.
- Clubs in the afternoon shrink when lessons end late.
+ Tired young drivers cause accidents on early roads.
- Later school puts pupils on the roads when traffic is heaviest.
= Roosters crow at dawn.
= Alarm clocks can be set to any hour.
"""
